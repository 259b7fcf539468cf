/**
 * The cap on what an experiment may spend on its judge.
 */
import type { Store } from '../artifacts/store';
import { capReached } from '../judge/spending';
import { failure, FAILURES } from '../workflows/failures';

/** At the cap nothing more is started until a person approves a higher one. `usdInFlight`: what is ordered, about. */
export async function checkBudget(
  store: Store,
  experiment: string,
  maxUsd: number | null,
  usdInFlight = 0,
): Promise<void> {
  const reason = await capReached(store, experiment, maxUsd, usdInFlight);
  if (reason !== null) throw failure(FAILURES.BudgetReached, reason);
}
