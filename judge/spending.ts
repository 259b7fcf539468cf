/**
 * What an experiment has spent on its judge, recorded in the store, and whether that reaches its cap.
 */
import { z } from 'zod';
import { checkedRows } from '../artifacts/documents';
import type { Store } from '../artifacts/store';

const ENTRY = z.looseObject({ usd: z.number().min(0) });
/** Nothing makes it anew, and without it the cap would let the same amount be spent again. */
const SPENDING_REMEDY = 'Mend or remove that line; what it held no longer counts towards the cap.';

export async function recordSpending(
  store: Store,
  experiment: string,
  entry: { shard: string; usd: number },
): Promise<void> {
  if (entry.usd > 0) await store.appendRecord('spending', experiment, JSON.stringify(entry));
}

export async function spentUsd(store: Store, experiment: string): Promise<number> {
  const text = (await store.readRecord('spending', experiment)) ?? '';
  // what follows the last newline was torn by a kill
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return checkedRows<z.infer<typeof ENTRY>>(whole, `spending/${experiment}`, {
    shape: ENTRY,
    remedy: SPENDING_REMEDY,
  }).reduce((sum, { usd }) => sum + usd, 0);
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
