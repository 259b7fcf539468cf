/**
 * Judges one shard in its mode: live, or first through message batches and then live what they left.
 *
 * A batch takes minutes to a day. The activity waits in the server's retry timer between its looks, so when the
 * experiment is cancelled there is mostly nothing running that could hear of it: the workflow has the batch cancelled. A
 * pause leaves it: what is in flight is taken in on resume.
 */
import { CancellationScope, isCancellation, log, proxyActivities, rootCause } from '@temporalio/workflow';
import type { JudgeActivities, JudgeShardInput, JudgeShardResult } from './activity-types';
import { CHECK, judgeActivities } from './policies';

export async function judgeInMode(
  taskQueue: string,
  summary: string,
  input: JudgeShardInput,
): Promise<JudgeShardResult> {
  const activities = judgeActivities(taskQueue, summary);
  if (input.shard.batch === undefined) return activities.judgeShard(input);
  try {
    const batch = await judgeActivities(taskQueue, `${summary}, in batches`).judgeBatch(input);
    const result = await activities.judgeShard(input);
    return { ...result, usd: result.usd + batch.usd, requests: result.requests + batch.requests };
  } catch (error) {
    if (isCancellation(error) && isWorkflowCancelled())
      await CancellationScope.nonCancellable(() => cancel(taskQueue, input));
    throw error;
  }
}

/** A pause, or the failure of another shard, cancels only a scope of the workflow's own. */
function isWorkflowCancelled(): boolean {
  let scope = CancellationScope.current();
  while (scope.parent !== undefined) scope = scope.parent;
  return scope.consideredCancelled;
}

/** Bounded: a worker that is away does not hold up the cancellation; the next run takes in what the batch has done. */
async function cancel(taskQueue: string, input: JudgeShardInput): Promise<void> {
  const summary = `cancel the batch of ${input.cell}`;
  try {
    await proxyActivities<JudgeActivities>({ ...CHECK, taskQueue, summary }).cancelBatch(input);
  } catch (error) {
    log.warn('the batch could not be cancelled; the next run takes in its results', { reason: rootCause(error) });
  }
}
