/**
 * What one workflow run has paid for judging a cell, from the journals: so it counts attempts that were killed or failed,
 * too, of which Temporal heard no result.
 */
import pLimit from 'p-limit';
import { isDamage } from '../artifacts/healing';
import type { StoredPlan } from '../artifacts/plans';
import { readRows } from '../artifacts/rows';
import type { Store } from '../artifacts/store';
import type { Sha256 } from '../experiment/canonical';
import type { ArtifactRef } from '../experiment/plan';
import type { Paid } from '../workflows/activity-types';
import { readJournals } from '../artifacts/journal';
import { usdOf } from './prices';

/** A shard of a cell's cut: where its attempts lie, and whose price they have. */
export interface CutShard {
  group: string;
  key: Sha256;
  judge: string;
}

/** Ends the name of an attempt whose requests went through batches, at their price. */
export const BATCH_ATTEMPT = '-batch';

/** How many shards' attempts are looked for side by side. */
const SHARDS_AT_ONCE = 16;

/**
 * Null where a list is damaged: then only the shards' own results say. A shard that is in several counts once. `cuts`: the lists of
 * `CutShard`s that `planJudging` stored; `run`: what the names of the run's attempts begin with.
 */
export async function paidInRun(
  store: Store,
  { spec }: StoredPlan,
  cuts: ArtifactRef[],
  run: string,
): Promise<Paid | null> {
  const total: Paid = { requests: 0, usd: 0 };
  const distinct = new Map<string, CutShard>();
  for (const cut of cuts) {
    const rows = await readRows<CutShard>(store, cut).catch(unlessDamaged);
    if (rows === null) return null;
    for (const shard of rows) distinct.set(`${shard.group} ${shard.key}`, shard);
  }
  const shards = [...distinct.values()];
  const attempts = await pLimit(SHARDS_AT_ONCE).map(shards, ({ group, key }) =>
    store.attempts({ stage: 'judgements', group, key }),
  );
  for (const [index, { judge }] of shards.entries()) {
    for (const attempt of attempts[index] ?? []) {
      if (!attempt.name.startsWith(run)) continue;
      const { paid } = await readJournals([attempt]);
      total.requests += paid.requests;
      total.usd += usdOf(spec, paid, { judge, batch: attempt.name.endsWith(BATCH_ATTEMPT) });
    }
  }
  return total;
}

function unlessDamaged(error: unknown): null {
  if (isDamage(error)) return null;
  throw error;
}
