/**
 * What an experiment has spent on its judge, recorded in the store, and whether that reaches its cap.
 */
import { z } from 'zod';
import { appendedRows } from '../artifacts/documents';
import type { Store } from '../artifacts/store';

const ENTRY = z.looseObject({ usd: z.number().min(0) });

export async function recordSpending(
  store: Store,
  experiment: string,
  entry: { shard: string; usd: number },
): Promise<void> {
  if (entry.usd > 0) await store.appendRecord('spending', experiment, JSON.stringify(entry));
}

/**
 * Records what a shard has spent since the record before, at most one at a time: a store that is slow to answer does not gather
 * them. `spentUsd`: what it has spent by now, US dollars.
 */
export class ShardSpending {
  private recorded = 0;
  private running: Promise<void> | null = null;

  constructor(
    private readonly store: Store,
    private readonly experiment: string,
    private readonly shard: string,
    private readonly spentUsd: () => number,
  ) {}

  /** While one is under way it is that one, and what was spent since waits for the next. Rejects when the store did not take it. */
  record(): Promise<void> {
    return (this.running ??= this.add().finally(() => (this.running = null)));
  }

  /** Everything spent by now, after the one under way. */
  async recordAll(): Promise<void> {
    await this.running?.catch(() => undefined);
    await this.record();
  }

  private async add(): Promise<void> {
    const spent = this.spentUsd();
    await recordSpending(this.store, this.experiment, { shard: this.shard, usd: spent - this.recorded });
    this.recorded = spent;
  }
}

export async function spentUsd(store: Store, experiment: string): Promise<number> {
  return (await spending(store, experiment)).usd;
}

/** `damagedLines`: what they held no longer counts towards the cap. */
export async function spending(store: Store, experiment: string): Promise<{ usd: number; damagedLines: number }> {
  const text = await store.readRecord('spending', experiment);
  const { rows, damagedLines } = appendedRows<z.infer<typeof ENTRY>>(text, ENTRY);
  return { usd: rows.reduce((sum, { usd }) => sum + usd, 0), damagedLines };
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
  const { usd: spent, damagedLines } = await spending(store, experiment);
  if (spent + usdInFlight < maxUsd) return null;
  const ordered = usdInFlight > 0 ? ` and about $${usdInFlight.toFixed(2)} more are in flight` : '';
  const lost = damagedLines > 0 ? `; ${damagedLines} damaged lines of the record are not counted` : '';
  return `$${spent.toFixed(2)} of the cap of $${maxUsd.toFixed(2)} are spent${ordered}${lost}`;
}
