/**
 * Stored plans: what `flamingo run` hands to the workflows, as a reference, so that inputs in histories stay small. What
 * grows with the number of questions is a blob of its own: there can be a hundred thousand, and a judge worker needs none.
 */
import type { Sha256 } from '../experiment/canonical';
import { accountOfEndpoint } from '../experiment/endpoint';
import { askedJudges, MAIN_JUDGE, namedJudges } from '../experiment/main-judge';
import type { ArtifactRef, Plan, PlannedCell, PlannedConfiguration } from '../experiment/plan';
import type { JudgeSpec, Spec } from '../experiment/spec';
import { z } from 'zod';
import { readDocument } from './documents';
import { artifactRef, checkedReference, InvalidReference } from './reference';
import type { Store } from './store';

export interface StoredPlan {
  plan: Plan;
  /** The experiment file as it was understood, defaults filled in: run-time settings, report, budget. */
  spec: Spec;
  /** The experiment file's own words, for the report's provenance. */
  source: { file: string; text: string };
  /** Where a local model folder lies; null for hub and bundled models. */
  modelFolder: string | null;
  /** Where judges' local model folders lie, by their identities; absent = none. */
  judgeFolders?: Record<Sha256, string>;
  /** What this run changed: `--smoke`, `--judge`, sources taken from local copies. */
  overrides: string[];
}

/** Grows with the number of questions. */
type Bulk = Pick<Plan, 'configurations' | 'questionSets' | 'pools'>;

/** What judging needs of a plan. */
export type PlanForJudging = Omit<StoredPlan, 'plan'> & { plan: Omit<Plan, keyof Bulk> };

/** As stored: the bulk is a file of its own. */
type Head = PlanForJudging & { bulk: ArtifactRef };

/** As much of a plan as tells it from other documents; its hash says that it is the one that was stored. */
const HEAD = z.looseObject({
  plan: z.looseObject({ key: z.string(), experiment: z.string() }),
  spec: z.looseObject({ name: z.string() }),
  source: z.looseObject({ file: z.string(), text: z.string() }),
  bulk: artifactRef,
});
const BULK = z.looseObject({
  configurations: z.array(z.looseObject({ name: z.string(), cells: z.array(z.looseObject({ id: z.string() })) })),
  questionSets: z.record(z.string(), z.array(z.looseObject({ key: z.string() }))),
});

export async function storePlan(store: Store, stored: StoredPlan): Promise<ArtifactRef> {
  const { configurations, questionSets, pools, ...plan } = stored.plan;
  const bulk: Bulk = { configurations, questionSets, ...(pools === undefined ? {} : { pools }) };
  const head: Head = { ...stored, plan, bulk: await store.putBytes(textOf(bulk, plan.experiment), '.bulk.json') };
  return store.putBytes(JSON.stringify(head) + '\n', '.plan.json');
}

/** A string has an end, and a plan is read as one. */
function textOf(bulk: Bulk, experiment: string): string {
  try {
    return JSON.stringify(bulk) + '\n';
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PlanTooLarge(
      `the plan of ${experiment} is larger than 512 MB: ask fewer questions, or make several experiments of it`,
      { cause: error },
    );
  }
}

/** Its questions and cells are more than can be stored. */
export class PlanTooLarge extends Error {
  override name = 'PlanTooLarge';
}

const recentHeads = new Map<string, Promise<Head>>();
const recentPlans = new Map<string, Promise<StoredPlan>>();

/** A plan without what it plans; remembered like a whole one. Throws `InvalidReference` and `ArtifactDamaged`. */
export function loadPlanForJudging(store: Store, ref: ArtifactRef): Promise<PlanForJudging> {
  return remembered(recentHeads, ref, (checked) => readDocument<Head>(store, checked, HEAD, 'plan'));
}

/**
 * Reads a plan; the last few are remembered, because every activity of an experiment starts with its plan. Activities
 * that start together share one reading: a plan of many questions is large. Throws `InvalidReference` and `ArtifactDamaged`.
 */
export function loadPlan(store: Store, ref: ArtifactRef): Promise<StoredPlan> {
  return remembered(recentPlans, ref, async (checked) => {
    const { bulk, ...head } = await readDocument<Head>(store, checked, HEAD, 'plan');
    return { ...head, plan: { ...head.plan, ...(await readDocument<Bulk>(store, bulk, BULK, 'plan')) } };
  });
}

/** What was made of a stored document; documents that are asked for together are read once. Throws `InvalidReference`. */
export async function remembered<T>(
  recent: Map<string, Promise<T>>,
  ref: ArtifactRef,
  read: (ref: ArtifactRef) => Promise<T>,
  what = 'a plan',
): Promise<T> {
  const checked = checkedReference(ref, what); // it comes from whoever started the workflow
  const { sha256 } = checked;
  const known = recent.get(sha256);
  if (known !== undefined) return known;
  const reading = read(checked);
  reading.catch(() => recent.delete(sha256)); // the next one tries again
  recent.set(sha256, reading);
  if (recent.size > 4) recent.delete(recent.keys().next().value as string);
  return reading;
}

/** Throws `InvalidReference`: the name comes from whoever started the workflow, and a plan never gets more of them. */
export function configurationOf({ plan }: StoredPlan, name: string): PlannedConfiguration {
  const found = plan.configurations.find((configuration) => configuration.name === name);
  if (found === undefined) throw lacks(plan.experiment, `configuration ${name}`);
  return found;
}

/** Throws `InvalidReference`, as `configurationOf` does. */
export function cellOf(stored: StoredPlan, configuration: string, id: string): PlannedCell {
  const found = configurationOf(stored, configuration).cells.find((cell) => cell.id === id);
  if (found === undefined) throw lacks(stored.plan.experiment, `cell ${id}`);
  return found;
}

/** A judge by its name: `MAIN_JUDGE`, or one of the file's `judges`. Throws `InvalidReference`, as `configurationOf` does. */
export function judgeOf(spec: Spec, name: string): JudgeSpec {
  const judges = namedJudges(spec);
  const found = Object.hasOwn(judges, name) ? judges[name] : undefined;
  if (found === undefined) throw lacks(spec.name, `judge ${name}`);
  return found;
}

function lacks(experiment: string, what: string): InvalidReference {
  return new InvalidReference(`the plan of ${experiment} has no ${what}`);
}

/** Whether the GPU worker itself judges. */
export function isLocal(spec: Spec, judge: string): boolean {
  return judgeOf(spec, judge).kind === 'local';
}

/** Task queues of an experiment; further judges' are `queueOf` them. */
export function queuesOf(spec: Spec): { gpuQueue: string; judgeQueue: string } {
  return { gpuQueue: spec.execution.gpuQueue, judgeQueue: queueOf(spec, MAIN_JUDGE) };
}

/**
 * A judge's task queue: that of the GPU worker for a local one. `flamingo-judge` without a suffix means the queue of the judge's
 * own account. A queue that the file names is that of its `judge`, and of further judges of the same account.
 */
export function queueOf(spec: Spec, name: string): string {
  const judge = judgeOf(spec, name);
  const { judgeQueue, gpuQueue } = spec.execution;
  if (judge.kind === 'local') return gpuQueue;
  const account = accountOfJudge(judge);
  if (judgeQueue !== 'flamingo-judge' && account === accountOfJudge(spec.judge)) return judgeQueue;
  return `flamingo-judge-${account}`;
}

/** The account that a judge's kind, address and key belong to; a local one has none. */
function accountOfJudge({ kind, endpoint }: JudgeSpec): string | null {
  if (kind === 'local') return null;
  if (endpoint !== undefined) return accountOfEndpoint(endpoint);
  return kind === 'stand-in' ? 'stand-in' : 'anthropic';
}

/** Every queue that an experiment's judges need a judge worker on, the first judge's first; none where scorers do it all. */
export function judgeQueuesOf(spec: Spec): string[] {
  const remote = Object.keys(askedJudges(spec)).filter((name) => !isLocal(spec, name));
  return [...new Set(remote.map((name) => queueOf(spec, name)))];
}
