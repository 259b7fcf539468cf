/**
 * What workers do for which client. Temporal's server does not ask who starts a workflow, so the activities that would read
 * local files, fetch from addresses, run commands or write results look for the owner's permit first (artifacts/permits.ts).
 */
import { isPermitted } from '../artifacts/permits';
import { realPathInside } from '../artifacts/inside';
import type { StoredPlan } from '../artifacts/plans';
import type { Store } from '../artifacts/store';
import {
  handedOver,
  judgeDemands,
  localModel,
  ownScorer,
  ownTrainer,
  type Allowance,
  type Demand,
} from '../experiment/demands';
import type { ArtifactRef } from '../experiment/plan';
import { failure, FAILURES } from '../workflows/failures';

export interface ClientRules {
  /** The owner's secret; null while this worker can read none. */
  secret: () => Buffer | null;
  /** What is done for every client, with a permit or without. */
  allowed: ReadonlySet<Allowance>;
}

const REMEDY = 'Start it with `flamingo run`, or with what `flamingo plan FILE --json` prints as the input; or set';

/** For requests that can have no permit. Fails with `NotPermitted`. */
export function requireAllowed({ allowed }: ClientRules, demands: readonly Demand[]): void {
  const refused = demands.find(({ kind }) => !allowed.has(kind));
  if (refused === undefined) return;
  throw failure(
    FAILURES.NotPermitted,
    `${refused.what}, which this worker does for its owner alone. ${REMEDY} FLAMINGO_ALLOW_CLIENTS=${refused.kind} ` +
      'for the worker, if you trust whoever can reach its Temporal server',
  );
}

/** Fails with `NotPermitted` when a plan needs what only its owner may ask for, and its owner did not. */
export async function requirePermitted(
  store: Store,
  rules: ClientRules,
  ref: ArtifactRef,
  stored: StoredPlan,
): Promise<void> {
  await requireForPlan(store, rules, ref, demandsOfPlan(stored));
}

/** The same for a judge worker, which sends keys and answers to the addresses of the plan's judges. */
export async function requireJudgesPermitted(
  store: Store,
  rules: ClientRules,
  ref: ArtifactRef,
  { spec }: Pick<StoredPlan, 'spec'>,
): Promise<void> {
  await requireForPlan(store, rules, ref, judgeDemands(spec));
}

async function requireForPlan(
  store: Store,
  rules: ClientRules,
  ref: ArtifactRef,
  all: readonly Demand[],
): Promise<void> {
  const demands = all.filter(({ kind }) => !rules.allowed.has(kind));
  if (demands.length === 0 || (await isPermitted(store, rules.secret(), 'plan', ref.sha256))) return;
  requireAllowed(rules, demands);
}

/** Planning has read the files and fetched the rest; what is left is for the workers that train, judge and score. */
function demandsOfPlan({ plan, spec, modelFolder, judgeFolders = {} }: StoredPlan): Demand[] {
  const commands = plan.configurations.flatMap(({ name, recipe, handoffs = [] }) => [
    ...(recipe === null || typeof recipe.backend === 'string' ? [] : [ownTrainer(name, recipe.backend.command)]),
    ...handoffs.map(({ handoff, context }) => handedOver(handoff, context.program.command)),
  ]);
  const scorers = Object.values(plan.scorers ?? {}).flatMap(({ metric, by }) =>
    by.kind === 'command' ? [ownScorer(metric, by.command)] : [],
  );
  const folders = [...(modelFolder === null ? [] : [modelFolder]), ...Object.values(judgeFolders)];
  return [...folders.map(localModel), ...commands, ...scorers, ...judgeDemands(spec)];
}

/** Whether `output`, an absolute folder, lies in the worker's own folder for results, or is where the owner's command said. */
export async function isWritable(store: Store, rules: ClientRules, results: string, output: string): Promise<boolean> {
  return (await realPathInside(results, output)) !== null || isPermitted(store, rules.secret(), 'output', output);
}

/** Fails with `NotPermitted` when results may not be written to a folder. */
export async function requireWritable(
  store: Store,
  rules: ClientRules,
  results: string,
  output: string,
): Promise<void> {
  if (await isWritable(store, rules, results, output)) return;
  throw failure(
    FAILURES.NotPermitted,
    `the output folder ${output} lies outside ${results}, where this worker writes. Name a folder in it, start the experiment ` +
      'with `flamingo run`, or set FLAMINGO_RESULTS for the worker',
  );
}
