/**
 * Stored plans: what `flamingo run` hands to the workflows, as one blob, so that inputs in histories stay small.
 */
import type { ArtifactRef, Plan, PlannedCell, PlannedConfiguration } from '../experiment/plan';
import type { JudgeSpec, Spec } from '../experiment/spec';
import type { Store } from './store';

export interface StoredPlan {
  plan: Plan;
  /** The experiment file as it was understood, defaults filled in: run-time settings, report, budget. */
  spec: Spec;
  /** The experiment file's own words, for the report's provenance. */
  source: { file: string; text: string };
  /** Where a local model folder lies; null for hub and bundled models. */
  modelFolder: string | null;
  /** What this run changed: `--smoke`, `--judge`, sources taken from local copies. */
  overrides: string[];
}

const recent = new Map<string, Promise<StoredPlan>>();

export async function storePlan(store: Store, plan: StoredPlan): Promise<ArtifactRef> {
  return store.putBytes(JSON.stringify(plan) + '\n', '.plan.json');
}

/**
 * Reads a plan; the last few are remembered, because every activity of an experiment starts with its plan. Activities
 * that start together share one reading: a plan of many questions is large.
 */
export async function loadPlan(store: Store, ref: ArtifactRef): Promise<StoredPlan> {
  let plan = recent.get(ref.sha256);
  if (plan === undefined) {
    plan = store.read(ref).then((bytes) => current(JSON.parse(bytes.toString('utf8')) as StoredPlan));
    plan.catch(() => recent.delete(ref.sha256)); // the next one tries again
    recent.set(ref.sha256, plan);
    if (recent.size > 4) recent.delete(recent.keys().next().value as string);
  }
  return plan;
}

/** Plans of earlier versions lie in stores: what they could not say is filled in. */
function current(plan: StoredPlan): StoredPlan {
  return { ...plan, spec: { ...plan.spec, judges: plan.spec.judges ?? {} } };
}

export function configurationOf({ plan }: StoredPlan, name: string): PlannedConfiguration {
  const found = plan.configurations.find((configuration) => configuration.name === name);
  if (found === undefined) throw new Error(`the plan of ${plan.experiment} has no configuration ${name}`);
  return found;
}

export function cellOf(stored: StoredPlan, configuration: string, id: string): PlannedCell {
  const found = configurationOf(stored, configuration).cells.find((cell) => cell.id === id);
  if (found === undefined) throw new Error(`the plan of ${stored.plan.experiment} has no cell ${id}`);
  return found;
}

/** A judge by its name in the file's `judges`; without a name the file's `judge`. */
export function judgeOf(spec: Spec, name?: string): JudgeSpec {
  if (name === undefined) return spec.judge;
  const found = Object.hasOwn(spec.judges, name) ? spec.judges[name] : undefined;
  if (found === undefined) throw new Error(`the plan of ${spec.name} has no judge ${name}`);
  return found;
}

/** Task queues of an experiment; further judges' are `queueOf` them. */
export function queuesOf(spec: Spec): { gpuQueue: string; judgeQueue: string } {
  return { gpuQueue: spec.execution.gpuQueue, judgeQueue: queueOf(spec) };
}

/**
 * A judge's task queue. `flamingo-judge` without a suffix means the queue of the judge's own account. A queue that the
 * file names is that of its `judge`, and of further judges of the same kind.
 */
export function queueOf(spec: Spec, name?: string): string {
  const { kind } = judgeOf(spec, name);
  const { judgeQueue } = spec.execution;
  if (judgeQueue !== 'flamingo-judge' && kind === spec.judge.kind) return judgeQueue;
  return `flamingo-judge-${kind === 'stand-in' ? 'stand-in' : 'anthropic'}`;
}

/** Every queue that an experiment's judges need a worker on, the first judge's first. */
export function judgeQueuesOf(spec: Spec): string[] {
  return [...new Set([queueOf(spec), ...Object.keys(spec.judges).map((name) => queueOf(spec, name))])];
}
