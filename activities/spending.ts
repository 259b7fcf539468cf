/**
 * What an experiment has spent on its judge, recorded in the store, and the cap on it.
 */
import { ApplicationFailure } from '@temporalio/common';
import type { Store } from '../artifacts/store';

export async function recordSpending(
  store: Store,
  experiment: string,
  entry: { shard: string; usd: number },
): Promise<void> {
  if (entry.usd > 0) await store.appendRecord('spending', experiment, JSON.stringify(entry));
}

export async function spentUsd(store: Store, experiment: string): Promise<number> {
  // what follows the last newline was torn by a kill
  const lines = ((await store.readRecord('spending', experiment)) ?? '').split('\n').slice(0, -1);
  return lines.reduce((sum, line) => sum + (JSON.parse(line) as { usd: number }).usd, 0);
}

/** At the cap nothing more is started until a person approves a higher one. `usdInFlight`: what is ordered, about. */
export async function checkBudget(
  store: Store,
  experiment: string,
  maxUsd: number | null,
  usdInFlight = 0,
): Promise<void> {
  if (maxUsd === null) return;
  const spent = await spentUsd(store, experiment);
  if (spent + usdInFlight >= maxUsd) {
    const ordered = usdInFlight > 0 ? ` and about $${usdInFlight.toFixed(2)} more are in flight` : '';
    throw ApplicationFailure.create({
      type: 'BudgetReached',
      nonRetryable: true,
      message: `$${spent.toFixed(2)} of the cap of $${maxUsd.toFixed(2)} are spent${ordered}`,
    });
  }
}
