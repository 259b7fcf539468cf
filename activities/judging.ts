/**
 * Cuts what is not judged yet of a cell into judge shards, each a file of requests in the store.
 */
import { configurationOf, type StoredPlan } from '../artifacts/plans';
import { toJsonLines } from '../artifacts/rows';
import type { Store } from '../artifacts/store';
import type { PlannedCell } from '../experiment/plan';
import type { JudgementRequest } from '../experiment/rows';
import { judgeShardSize, shardsOf } from '../experiment/shards';
import type { JudgePlan, JudgeShard } from '../workflows/activity-types';
import { committedJudgements, readCell } from './cell-rows';

export async function planJudging(store: Store, stored: StoredPlan, cell: PlannedCell): Promise<JudgePlan> {
  const { wanted } = await readCell(store, stored.plan, cell);
  const groups = new Map<string, { metric: string; requests: JudgementRequest[] }>();
  for (const { group, metric, request } of wanted) {
    const known = groups.get(group);
    if (known) known.requests.push(request);
    else groups.set(group, { metric: metric.metric, requests: [request] });
  }
  const done = await committedJudgements(store, groups.keys());
  const { cells } = configurationOf(stored, cell.configuration);
  const size = judgeShardSize(cells.reduce((sum, { judgements }) => sum + judgements, 0));

  const shards: JudgeShard[] = [];
  for (const [group, { metric, requests }] of groups) {
    requests.sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const shard of shardsOf(requests, done, size)) {
      shards.push({
        group,
        key: shard.key,
        metric,
        requests: await store.putBytes(toJsonLines(shard.items), '.requests.jsonl'),
        count: shard.items.length,
      });
    }
  }
  const missing = shards.reduce((sum, { count }) => sum + count, 0);
  return { reused: wanted.length - missing, shards };
}
