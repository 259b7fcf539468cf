/**
 * The judge activities: check the judge before any GPU work, and judge one shard.
 */
import { hostname } from 'node:os';
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { ApplicationFailureCategory } from '@temporalio/common';
import { recordAttempt, refuseHopeless } from '../../artifacts/attempts';
import { holderOf, withLease } from '../../artifacts/leases';
import { loadPlan, type StoredPlan } from '../../artifacts/plans';
import { readRows, toJsonLines } from '../../artifacts/rows';
import type { Store, WorkKey } from '../../artifacts/store';
import type { Instrument } from '../../experiment/plan';
import type { JudgementProvenance, JudgementRequest } from '../../experiment/rows';
import type { AccountPause, PausedAccount } from '../../workflows/account-messages';
import type { JudgeActivities, JudgeShardInput, JudgeShardResult } from '../../workflows/activity-types';
import { beating } from '../beating';
import { countReuse } from '../reuse';
import { checkBudget, recordSpending, usdOf } from '../spending';
import { JudgeStopped } from './asker';
import { cancelBatch, judgeBatch } from './batches/activity';
import { createJudgeClient, type JudgeClient } from './client';
import { judgeItems, type JudgeProgress } from './engine';
import { PAUSES_ACCOUNT, RequestFailed } from './errors';
import { openJournal } from './journal';
import { journalFolders } from './journal-folders';
import { temporalAccount, type PausableAccount } from './pacing/account';
import { AccountPaused, Leases } from './pacing/leases';
import { JudgeMustWait } from './pacing/pace';
import { preflight } from './preflight';
import { sleep } from './sleep';

/** What a judge worker works with. */
interface Judging {
  store: Store;
  clientFor: (judge: Instrument['judge']) => JudgeClient;
  account: PausableAccount;
  leases: Leases;
}

export interface JudgeWorker {
  activities: JudgeActivities;
  /** More shards would only wait here: others may take them. */
  full: () => boolean;
}

/** `warn`: for what a person should see in the log. */
export function judgeWorker(store: Store, env: NodeJS.ProcessEnv, warn: (message: string) => void): JudgeWorker {
  const clients = new Map<string, JudgeClient>();
  let temporal: Client | undefined;
  const account = temporalAccount(accountOf(env), () => temporal as Client);
  const leases = new Leases(account, { now: Date.now, random: Math.random, sleep }, warn);
  const judging: Judging = {
    store,
    account,
    leases,
    clientFor: (judge) => {
      const known = clients.get(judge);
      if (known !== undefined) return known;
      const standInUrl = env['FLAMINGO_STAND_IN_URL'];
      const client = createJudgeClient({ judge, env, ...(standInUrl === undefined ? {} : { standInUrl }) });
      clients.set(judge, client);
      return client;
    },
  };
  const connected = <T>(work: () => Promise<T>): Promise<T> => {
    temporal ??= Context.current().client;
    return typed(account, work);
  };
  return {
    full: () => leases.full,
    activities: {
      checkJudge: ({ plan }) =>
        beating('checking the judge', async () => {
          const stored = await loadPlan(store, plan);
          // what is judged already needs no judge
          if ((await countReuse(store, stored.plan)).judgements.new === 0) return;
          await typed(account, () => check(judging.clientFor(stored.spec.judge.kind), stored));
        }),
      judgeShard: (input) => connected(async () => judgeShard(judging, await loadPlan(store, input.plan), input)),
      judgeBatch: (input) => connected(() => judgeBatch(store, env, input)),
      cancelBatch: (input) => connected(() => cancelBatch(store, env, input)),
    },
  };
}

/** Of the provider, whose limits all workers share: the last part of the task queue's name. */
export function accountOf(env: NodeJS.ProcessEnv): string {
  return env['FLAMINGO_JUDGE_ACCOUNT'] ?? 'anthropic';
}

async function check(client: JudgeClient, { plan }: StoredPlan): Promise<void> {
  const models = new Map(Object.values(plan.instruments).map((instrument) => [instrument.model, instrument]));
  for (const instrument of models.values()) {
    const checked = await preflight(client, instrument, { signal: Context.current().cancellationSignal });
    if (checked.ok) continue;
    if (checked.action === 'stop' || checked.action === 'item') {
      throw ApplicationFailure.create({ type: 'JudgeStopped', nonRetryable: true, message: checked.message });
    }
    throw ApplicationFailure.create({ type: 'JudgeUnreachable', message: checked.message });
  }
}

async function judgeShard(judging: Judging, stored: StoredPlan, input: JudgeShardInput): Promise<JudgeShardResult> {
  const { store } = judging;
  const { shard } = input;
  const { judge } = stored.spec;
  const work: WorkKey = { stage: 'judgements', group: shard.group, key: shard.key };
  return withLease(store, work, async (renew) => {
    const standing = await store.manifest(work);
    if (standing !== null) return { judged: Number(standing.facts['judgements']), missing: 0, usd: 0, requests: 0 };
    await checkBudget(store, input.experiment, input.maxUsd);

    const context = Context.current();
    const { attempt } = holderOf(context.info);
    await refuseHopeless(await store.attemptFolders(work));
    const requests = await readRows<JudgementRequest>(store, shard.requests);
    const folder = await store.attemptFolder(work, attempt);
    const journal = openJournal({ folder, attempt, searchFolders: await journalFolders(store, work) });
    const paidBefore = { ...journal.paid };
    let progress: Partial<JudgeProgress> & { cell: string; metric: string } = {
      cell: input.cell,
      metric: shard.metric,
    };
    const usdSpent = (): number =>
      usdOf(stored.spec, {
        inputTokens: journal.paid.inputTokens - paidBefore.inputTokens,
        outputTokens: journal.paid.outputTokens - paidBefore.outputTokens,
      });
    let recorded = 0;
    /** With every beat, so that a kill loses two seconds' spending from the cap's account, not the whole attempt's. */
    const record = async (): Promise<void> => {
      const usd = usdSpent() - recorded;
      recorded += usd;
      await recordSpending(store, input.experiment, { shard: shard.key, usd });
    };
    const beat = setInterval(() => {
      context.heartbeat(progress);
      renew();
      void record().catch(() => undefined); // a full disk stops the journal, which is what matters
    }, 2_000);
    const { pace, done } = judging.leases.use(judge.model, judge);
    try {
      context.heartbeat(progress);
      const judged = await judgeItems({
        requests,
        instruments: stored.plan.instruments,
        client: judging.clientFor(judge.kind),
        journal,
        pace,
        signal: context.cancellationSignal,
        onProgress: (now) => (progress = { ...progress, ...now }),
      });
      const result = {
        judged: judged.rows.length,
        missing: judged.missing.length,
        usd: usdSpent(),
        requests: judged.requestsSent,
      };
      // an open shard is no result: the next run asks for exactly what is missing
      if (judged.missing.length > 0) return result;
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
        },
        committed: { attempt, host: hostname(), at },
      });
      return result;
    } catch (error) {
      if (!isExpected(error) && !context.cancellationSignal.aborted) {
        await recordAttempt(folder, { end: 'died', message: (error as Error).message, checkpointStep: null });
      }
      throw error;
    } finally {
      done();
      clearInterval(beat);
      journal.close();
      await record();
    }
  });
}

/** Of this shard's own verdicts: the journals read may hold those of other shards. */
function sum(rows: JudgementProvenance[], what: 'requests' | 'inputTokens' | 'outputTokens'): number {
  return rows.reduce((total, row) => total + row[what], 0);
}

/** What the provider or a person has to change; any other failure is counted, so that it can not repeat for ever. */
function isExpected(error: unknown): boolean {
  return [JudgeStopped, JudgeMustWait, RequestFailed, AccountPaused].some((kind) => error instanceof kind);
}

/** Gives Temporal the failure's type: what stops, what waits, what is a cancellation. */
async function typed<T>(account: PausableAccount, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const context = Context.current();
    if (context.cancellationSignal.aborted) await interrupted(context);
    const workflowId = context.info.workflowExecution?.workflowId ?? null;
    if (error instanceof JudgeStopped && PAUSES_ACCOUNT.has(error.kind)) {
      throw paused(account.name, await account.pause({ reason: error.message, workflowId }));
    }
    if (error instanceof AccountPaused) {
      const pause = workflowId === null ? error.pause : await account.wait(workflowId);
      if (pause !== null) throw paused(account.name, pause);
      throw ApplicationFailure.create({ type: 'AccountResumed', message: error.message, nextRetryDelay: '100ms' });
    }
    if (error instanceof JudgeStopped) {
      throw ApplicationFailure.create({ type: error.name, nonRetryable: true, message: error.message });
    }
    if (error instanceof RequestFailed) {
      throw ApplicationFailure.create({ type: 'JudgeStopped', nonRetryable: true, message: error.failure.message });
    }
    if (error instanceof JudgeMustWait) {
      throw ApplicationFailure.create({
        type: 'JudgeMustWait',
        message: error.message,
        category: ApplicationFailureCategory.BENIGN,
        nextRetryDelay: error.delayMs,
      });
    }
    throw error;
  }
}

/** The workflow waits until the account is resumed; it finds these details in the failure. */
function paused(account: string, { number, reason }: AccountPause): ApplicationFailure {
  const details: PausedAccount = { account, number, reason };
  return ApplicationFailure.create({
    type: 'AccountPaused',
    nonRetryable: true,
    category: ApplicationFailureCategory.BENIGN,
    message: `the judge account ${account} is paused: ${reason}`,
    details: [details],
  });
}

/** A worker that shuts down hands the shard over; anything else that cancels ends the activity as cancelled. */
async function interrupted(context: Context): Promise<never> {
  const reason = await context.cancelled.catch((error: unknown) => error);
  if (!(reason instanceof CancelledFailure) || reason.message !== 'WORKER_SHUTDOWN') throw reason;
  throw ApplicationFailure.create({
    type: 'Preempted',
    message: 'the worker shuts down; another one goes on',
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: '500ms',
  });
}
