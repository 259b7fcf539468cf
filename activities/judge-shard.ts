/**
 * The activity that judges one shard: lease, budget, journal, the requests, and the commit.
 */
import { hostname } from 'node:os';
import { Context } from '@temporalio/activity';
import { recordAttempt, refuseHopeless } from './attempts';
import { holderOf, withLease } from './leases';
import { judgeOf, type PlanForJudging } from '../artifacts/plans';
import { toJsonLines } from '../artifacts/rows';
import type { Store, WorkKey } from '../artifacts/store';
import type { ArtifactRef } from '../experiment/plan';
import type { JudgementProvenance } from '../experiment/rows';
import type { JudgeShardInput, JudgeShardResult } from '../workflows/activity-types';
import { checkBudget } from './budget';
import { withHeartbeat } from './heartbeat';
import { withEnd } from './with-end';
import { shardRequests } from './shard-requests';
import { ShardSpending } from '../judge/spending';
import { isExpected } from './judge-failures';
import type { BatchClient } from '../judge/batches/client';
import type { JudgeClient } from '../judge/client';
import type { AskedJudge } from '../judge/clients';
import { judgeItems, type JudgeProgress, roomInFlight, type Troubles } from '../judge/shard';
import { journaledAttempts, openJournal } from '../artifacts/journal';
import type { AccountShares } from '../judge/pacing/account-share';
import { usdOf } from '../judge/prices';
import { recordTroubles } from '../judge/troubles';

/** What a judge worker works with. */
export interface Judging {
  store: Store;
  shares: AccountShares;
  clientFor: (judge: AskedJudge) => JudgeClient;
  batchClientFor: (judge: AskedJudge) => BatchClient;
  /** Fails with `NotPermitted` where a judge's address is not one that this worker's owner allowed. */
  loadPlan: (plan: ArtifactRef) => Promise<PlanForJudging>;
}

/** What the UI and `flamingo status` show of a shard. `held`: why nothing is sent at present, on the store's side. */
export interface JudgeHeartbeat extends Partial<JudgeProgress> {
  cell: string;
  metric: string;
  held: string | null;
}

/** Between two heartbeats, each with a look at lease and budget: a cap is overrun by at most what is asked in this time. */
const BEAT_MS = 2_000;

/** `onLoaded`: all is read, and the requests are about to queue at the pace. */
export async function judgeShard(
  judging: Judging,
  input: JudgeShardInput,
  onLoaded: () => void,
): Promise<JudgeShardResult> {
  const { store } = judging;
  const { shard } = input;
  const context = Context.current();
  const begun: JudgeHeartbeat = { cell: input.cell, metric: shard.metric, held: null };
  const stored = await withHeartbeat(begun, () => judging.loadPlan(input.plan));
  const judge = judgeOf(stored.spec, shard.judge);
  const work: WorkKey = { stage: 'judgements', group: shard.group, key: shard.key };
  return withLease(store, work, begun, async (renew) => {
    const prepare = async () => {
      const standing = await store.manifest(work);
      if (standing !== null) return Number(standing.facts['judgements']);
      await checkBudget(store, input.experiment, input.maxUsd);
      await refuseHopeless(await store.attempts(work));
      const requests = await shardRequests(store, input);
      const attempt = await store.attempt(work, holderOf(context.info).attempt);
      const room = roomInFlight(requests.length, stored.plan.instruments);
      const journal = await openJournal(attempt, await journaledAttempts(store, work, shard.salvage), { room });
      return { requests, attempt, journal };
    };
    const prepared = await withHeartbeat(begun, prepare, renew);
    if (typeof prepared === 'number') return { judged: prepared, missing: 0, usd: 0, requests: 0 };
    const { requests, attempt, journal } = prepared;
    const paidBefore = { ...journal.paid };
    let progress: Partial<JudgeProgress> & { cell: string; metric: string } = {
      cell: input.cell,
      metric: shard.metric,
    };
    const usdSpent = (): number =>
      usdOf(
        stored.spec,
        {
          inputTokens: journal.paid.inputTokens - paidBefore.inputTokens,
          outputTokens: journal.paid.outputTokens - paidBefore.outputTokens,
        },
        { judge: shard.judge },
      );
    /** With every heartbeat: a kill hides two seconds of spending from the cap, not the whole attempt's. */
    const spending = new ShardSpending(store, input.experiment, shard.key, usdSpent);
    let looking: Promise<void> | null = null;
    const halt = new AbortController();
    const cancel = (): void => halt.abort(context.cancellationSignal.reason);
    if (context.cancellationSignal.aborted) cancel();
    context.cancellationSignal.addEventListener('abort', cancel, { once: true });
    const beat = setInterval(() => {
      context.heartbeat({ ...progress, held: journal.trouble } satisfies JudgeHeartbeat);
      renew();
      // a full disk holds the journal, and with it all spending; a reached cap stops the shard
      looking ??= spending
        .record()
        .catch(() => undefined)
        .then(() => checkBudget(store, input.experiment, input.maxUsd))
        .catch((error: unknown) => halt.abort(error))
        .finally(() => (looking = null));
    }, BEAT_MS);
    const { pace, done } = judging.shares.use(judge.model, judge);
    const judgeAll = async (): Promise<JudgeShardResult> => {
      try {
        context.heartbeat(progress);
        onLoaded();
        const judged = await judgeItems({
          requests,
          instruments: stored.plan.instruments,
          client: judging.clientFor(judge),
          journal,
          pace,
          signal: halt.signal,
          onProgress: (now) => (progress = { ...progress, ...now }),
        });
        const result = {
          judged: judged.rows.length,
          missing: judged.missing.length,
          usd: usdSpent(),
          requests: judged.requestsSent,
        };
        // an open shard is no result: the next run asks for exactly what is missing
        if (judged.missing.length > 0) {
          await recordTroubles(attempt, judged);
          return result;
        }
        const at = new Date().toISOString();
        await store.commit(work, {
          stage: 'judgements',
          key: shard.key,
          results: { rows: await store.putBytes(toJsonLines(judged.rows), '.jsonl') },
          provenance: { rows: await store.putBytes(toJsonLines(judged.provenance), '.jsonl') },
          facts: {
            judgements: judged.rows.length,
            requests: sum(judged.provenance, 'requests'),
            inputTokens: sum(judged.provenance, 'inputTokens'),
            outputTokens: sum(judged.provenance, 'outputTokens'),
            ...judged.counts,
            ...troubleFacts(judged.troubles),
          },
          committed: { attempt: attempt.name, host: hostname(), at },
        });
        return result;
      } catch (error) {
        await recordTroubles(attempt, { troubles: progress.troubles ?? {}, missing: [] }).catch(() => undefined);
        if (!isExpected(error) && !context.cancellationSignal.aborted) {
          await recordAttempt(attempt, { end: 'died', message: (error as Error).message, checkpointStep: null });
        }
        throw error;
      }
    };
    const end = async (): Promise<void> => {
      done();
      clearInterval(beat);
      context.cancellationSignal.removeEventListener('abort', cancel);
      const ending = { ...progress, held: journal.trouble } satisfies JudgeHeartbeat;
      // what was paid counts towards the cap also where the journal lost it: the next attempt takes what it holds for counted
      await withHeartbeat(
        ending,
        async () => {
          try {
            await journal.close();
          } finally {
            await spending.recordAll();
          }
        },
        renew,
      );
    };
    return withEnd(judgeAll, end);
  });
}

/** `met_rate_limit: 3`: how often a request met what it waited for or was repeated for, in the committing attempt. */
function troubleFacts(troubles: Troubles): Record<string, number> {
  return Object.fromEntries(Object.entries(troubles).map(([kind, times]) => [`met_${kind}`, times]));
}

/** Sums over this shard's own verdicts only: the journals may hold those of other shards. */
function sum(rows: JudgementProvenance[], what: 'requests' | 'inputTokens' | 'outputTokens'): number {
  return rows.reduce((total, row) => total + row[what], 0);
}
