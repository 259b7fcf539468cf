/**
 * The batch activities: one look at a shard's batches, and their cancellation. Verdicts go into the shard's
 * journal; judging the shard afterwards finds them there, asks live what is missing, and commits.
 */
import { hostname } from 'node:os';
import { Context } from '@temporalio/activity';
import { recordAttempt, refuseHopeless } from './attempts';
import { holderOf, withLease } from './leases';
import { judgeOf } from '../artifacts/plans';
import type { WorkKey } from '../artifacts/store';
import { NO_RATES } from '../experiment/rates';
import type { AccountBounds } from '../workflows/account-messages';
import type { JudgeBatchResult, JudgeShardInput } from '../workflows/activity-types';
import { failure, FAILURES } from '../workflows/failures';
import { checkBudget } from './budget';
import { withHeartbeat } from './heartbeat';
import { shardRequests } from './shard-requests';
import { withEnd } from './with-end';
import { recordSpending } from '../judge/spending';
import { isExpected } from './judge-failures';
import type { Judging } from './judge-shard';
import { type Journal, journaledAttempts, openJournal, readJournals, type Usage } from '../artifacts/journal';
import { BATCH_CALLS } from '../judge/pacing/account-share';
import { BATCH_ATTEMPT } from '../judge/paid-in-run';
import { usdOf } from '../judge/prices';
import { type Gate, gated, gateOf, OPEN } from '../judge/batches/gate';
import {
  type BatchProgress,
  type BatchRun,
  type BatchRunResult,
  cancelBatches,
  runBatches,
} from '../judge/batches/run';
import { BatchWaits, batchTiming } from '../judge/batches/waits';

/** A batch that is being created is awaited so long after a cancellation or shutdown: its name is worth it. */
const GRACE_MS = 15_000;
const BEAT_MS = 2_000;
/** The limits of an experiment file are on messages; a person may bound these calls by `flamingo account set`. */
const UNBOUNDED: AccountBounds = { ...NO_RATES, concurrency: null };

/** Makes one look; while batches are in flight it fails as `BatchProcessing` with the time of the next one. */
export async function judgeBatch(
  judging: Judging,
  env: NodeJS.ProcessEnv,
  input: JudgeShardInput,
): Promise<JudgeBatchResult> {
  const { pace, done } = judging.shares.use(BATCH_CALLS, UNBOUNDED);
  try {
    return await withRun(judging, env, gateOf(pace), input, runBatches);
  } finally {
    done();
  }
}

export function cancelBatch(
  judging: Judging,
  env: NodeJS.ProcessEnv,
  input: JudgeShardInput,
): Promise<JudgeBatchResult> {
  return withRun(judging, env, OPEN, input, cancelBatches);
}

async function withRun(
  { store, loadPlan, batchClientFor }: Judging,
  env: NodeJS.ProcessEnv,
  gate: Gate,
  input: JudgeShardInput,
  work: (run: BatchRun) => Promise<BatchRunResult>,
): Promise<JudgeBatchResult> {
  const { shard } = input;
  const key: WorkKey = { stage: 'judgements', group: shard.group, key: shard.key };
  const context = Context.current();
  const begun = { cell: input.cell, metric: shard.metric, held: null };
  return withLease(store, key, begun, async (renew) => {
    const { holder, attempt: activityAttempt } = holderOf(context.info);
    const ownAttempt = () => store.attempt(key, `${activityAttempt}${BATCH_ATTEMPT}`);
    const prepare = async () => {
      if ((await store.manifest(key)) !== null) return null;
      await refuseHopeless(await store.attempts(key));
      const stored = await loadPlan(input.plan);
      return { stored, earlier: await journaledAttempts(store, key, shard.salvage) };
    };
    const prepared = await withHeartbeat(begun, prepare, renew);
    if (prepared === null) return { requests: 0, left: 0, reason: null, usd: 0 };
    const { stored, earlier } = prepared;
    let journal: Journal | undefined;
    let progress: BatchProgress = { batch: null, done: 0, of: shard.count };
    const cost = (usage: Usage) => usdOf(stored.spec, usage, { judge: shard.judge, batch: true });
    const hard = new AbortController();
    let grace: NodeJS.Timeout | undefined;
    const soft = context.cancellationSignal;
    const abort = () => (grace = setTimeout(() => hard.abort(soft.reason), GRACE_MS));
    soft.addEventListener('abort', abort, { once: true });
    const beat = setInterval(() => {
      context.heartbeat({ cell: input.cell, metric: shard.metric, ...progress, held: journal?.trouble ?? null });
      renew();
    }, BEAT_MS);
    const judgeAll = async (): Promise<JudgeBatchResult> => {
      try {
        context.heartbeat({ cell: input.cell, metric: shard.metric, ...progress });
        const result = await work({
          store,
          work: key,
          // a judge's task queue is its account's
          account: context.info.taskQueue,
          experiment: input.experiment,
          usdOf: cost,
          client: gated(batchClientFor(judgeOf(stored.spec, shard.judge)), gate),
          gate,
          timing: batchTiming(env),
          now: Date.now,
          signal: soft,
          hard: hard.signal,
          requests: await shardRequests(store, input),
          instruments: stored.plan.instruments,
          host: hostname(),
          holder,
          read: () => readJournals(earlier),
          open: async () => (journal = await openJournal(await ownAttempt(), earlier)),
          beforeCreate: (usdInFlight) => checkBudget(store, input.experiment, input.maxUsd, usdInFlight),
          onPaid: (usage) => recordSpending(store, input.experiment, { shard: shard.key, usd: cost(usage) }),
          onProgress: (now) => (progress = now),
        });
        const { usage, left, reason } = result;
        if (reason !== null) context.log.warn(`judged live instead: ${reason}`, { shard: shard.key });
        return { requests: usage.requests, left, reason, usd: cost(usage) };
      } catch (error) {
        // the wait is the server's timer: no slot is held, and no event is added to the history
        if (error instanceof BatchWaits && !soft.aborted)
          throw failure(FAILURES.BatchProcessing, error.message, { afterMs: error.delayMs });
        if (!isExpected(error) && !soft.aborted) {
          const message = (error as Error).message;
          await recordAttempt(await ownAttempt(), { end: 'died', message, checkpointStep: null });
        }
        throw error;
      }
    };
    const end = async (): Promise<void> => {
      clearTimeout(grace);
      soft.removeEventListener('abort', abort);
      try {
        await journal?.close();
      } finally {
        clearInterval(beat);
      }
    };
    return withEnd(judgeAll, end);
  });
}
