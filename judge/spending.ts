/**
 * What an experiment has spent on its judge, recorded in the store, and whether that reaches its cap.
 */
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

/**
 * Why nothing more may be started, or null below the cap. `maxUsd`: the cap in US dollars, null = none; `usdInFlight`:
 * about what is ordered and not yet paid.
 */
export async function capReached(
  store: Store,
  experiment: string,
  maxUsd: number | null,
  usdInFlight = 0,
): Promise<string | null> {
  if (maxUsd === null) return null;
  const spent = await spentUsd(store, experiment);
  if (spent + usdInFlight < maxUsd) return null;
  const ordered = usdInFlight > 0 ? ` and about $${usdInFlight.toFixed(2)} more are in flight` : '';
  return `$${spent.toFixed(2)} of the cap of $${maxUsd.toFixed(2)} are spent${ordered}`;
}
