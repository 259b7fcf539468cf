/**
 * Cells along training as the report takes them, and where the adapters come from that a later training kept: by what they
 * say in their logs it was the same training or another one.
 */
import { readRows } from '../../artifacts/rows';
import type { Manifest, Store } from '../../artifacts/store';
import type { Sha256 } from '../../experiment/canonical';
import { keptAdapterKey, keptSteps } from '../../experiment/kept-steps';
import type { Plan } from '../../experiment/plan';
import type { KeptLater, ReportInput } from '../report-input';
import type { CellRows } from '../../artifacts/cells';

/** `cells`: of the whole plan. */
export async function alongTrainingInput(
  store: Store,
  plan: Plan,
  cells: readonly CellRows[],
): Promise<Pick<ReportInput, 'alongTraining'>> {
  const kept = cells.filter(({ cell }) => cell.step !== undefined);
  if (kept.length === 0) return {};
  const later: KeptLater[] = [];
  for (const { name, recipeKey } of plan.configurations) {
    if (recipeKey !== null) later.push(...(await keptLater(store, plan, name, recipeKey)));
  }
  return { alongTraining: { cells: kept, later } };
}

/** One for each training that kept adapters and is not the one that finished. */
async function keptLater(store: Store, plan: Plan, configuration: string, recipeKey: Sha256): Promise<KeptLater[]> {
  const finished = await store.manifest({ stage: 'adapters', key: recipeKey });
  if (finished === null) return [];
  const log = await stepsOf(store, finished);
  const byAttempt = new Map<string, KeptLater>();
  for (const step of keptSteps(plan, recipeKey)) {
    const kept = await store.manifest({ stage: 'adapters', key: keptAdapterKey(recipeKey, step) });
    if (kept === null || kept.committed.attempt === finished.committed.attempt) continue;
    const { attempt, host, at } = kept.committed;
    const own = await stepsOf(store, kept);
    const same = own.length === step && own.every((line, index) => line === log[index]);
    const known = byAttempt.get(attempt) ?? { configuration, steps: [], host, at, same: true };
    byAttempt.set(attempt, { ...known, steps: [...known.steps, step], same: known.same && same });
  }
  return [...byAttempt.values()];
}

/** Loss and gradient norm of every step, to the last digit: equal ones are of equal weights. */
async function stepsOf(store: Store, { key, results: { log } }: Manifest): Promise<string[]> {
  if (log === undefined) throw new Error(`the adapter ${key} has no training log`);
  const rows = await readRows<{ step: number; loss: number; gradNorm: number }>(store, log);
  return rows.map(({ step, loss, gradNorm }) => `${step} ${loss} ${gradNorm}`);
}
