/**
 * The requests of a judge shard, read where the cut put them. A file that is gone or damaged meanwhile is put there again:
 * the cell is cut as before, which leaves the boundaries of all shards that are not judged where they were.
 */
import { recordHealed, isDamage } from '../artifacts/healing';
import { cellOf, loadPlan } from '../artifacts/plans';
import { readRows } from '../artifacts/rows';
import { ArtifactDamaged, MADE_ANEW, type Store } from '../artifacts/store';
import type { JudgementRequest } from '../experiment/rows';
import { planJudging } from '../judge/cut-shards';
import type { JudgeShardInput } from '../workflows/activity-types';

/** Throws `ArtifactDamaged` where the same shard can not be cut any more, since its answers were damaged, too. */
export async function shardRequests(store: Store, input: JudgeShardInput): Promise<JudgementRequest[]> {
  const { group, key, requests } = input.shard;
  try {
    return await readRows<JudgementRequest>(store, requests);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const stored = await loadPlan(store, input.plan);
    const { shards } = await planJudging(store, stored, cellOf(stored, input.configuration, input.cell));
    const same = shards.find((shard) => shard.group === group && shard.key === key);
    if (same?.requests.sha256 !== requests.sha256) {
      throw new ArtifactDamaged(`the requests of a shard of ${input.cell} are gone. ${MADE_ANEW}`, { cause: error });
    }
    await recordHealed(store, { stage: 'judgements', group, key }, (error as Error).message);
    return readRows<JudgementRequest>(store, requests);
  }
}
