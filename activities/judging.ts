/**
 * The activities of a judge worker, with what they share: the account, the clients, and the shards that are being read.
 */
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { loadPlanForJudging } from '../artifacts/plans';
import type { Store } from '../artifacts/store';
import type { JudgeActivities } from '../workflows/activity-types';
import { checkJudge } from './check-judge';
import { type ClientRules, requireJudgesPermitted } from './clients';
import { refusingDamage } from './damage';
import { withHeartbeat } from './heartbeat';
import { cancelBatch, judgeBatch } from './judge-batch';
import type { JudgeClient } from '../judge/client';
import { type AskedJudge, batchClientOf, clientOf, connectionOf } from '../judge/clients';
import { SYSTEM_CLOCK } from '../judge/clock';
import { withJudgeFailures } from './judge-failures';
import { judgeShard, type Judging } from './judge-shard';
import type { RenewKey } from '../judge/openai/key';
import { LoadingShards } from '../judge/loading-shards';
import { temporalAccount } from './account';
import { AccountShares } from '../judge/pacing/account-share';

export interface JudgeWorker {
  activities: JudgeActivities;
  /** More shards would only wait here: others may take them. */
  full: () => boolean;
}

export interface JudgeObserver {
  /** For what a person should see in the log. */
  warn: (message: string) => void;
  /** The same client, with its requests counted. */
  counted?: (client: JudgeClient) => JudgeClient;
  /** Whose plans may name the address that a judge is asked at. */
  rules: ClientRules;
  /** Makes a new key when a server refuses one; default: nothing does. */
  renewKey?: RenewKey;
}

export function judgeWorker(
  store: Store,
  env: NodeJS.ProcessEnv,
  { warn, counted, rules, renewKey }: JudgeObserver,
): JudgeWorker {
  let temporal: Client | undefined;
  const account = temporalAccount(accountOf(env), () => temporal as Client);
  const shares = new AccountShares(account, SYSTEM_CLOCK, warn);
  const clientFor = oncePerConnection((judge) => {
    const created = clientOf(judge, env, renewKey);
    return counted?.(created) ?? created;
  });
  const batchClientFor = oncePerConnection((judge) => batchClientOf(judge, env, renewKey));
  const loading = new LoadingShards();
  const permitted: Judging['loadPlan'] = async (plan) => {
    const stored = await loadPlanForJudging(store, plan);
    await requireJudgesPermitted(store, rules, plan, stored);
    return stored;
  };
  const judging: Judging = { store, shares, clientFor, batchClientFor, loadPlan: permitted };
  const inTerms = <T>(work: () => Promise<T>): Promise<T> => {
    temporal ??= Context.current().client;
    return withJudgeFailures(account, work);
  };
  return {
    full: () => loading.full || shares.full,
    activities: refusingDamage({
      checkJudge: ({ plan, judges }) =>
        withHeartbeat('checking the judge', async () => {
          const stored = await permitted(plan);
          await inTerms(() => checkJudge({ clientFor, batchClientFor }, stored, judges));
        }),
      judgeShard: (input) => inTerms(() => loading.during((loaded) => judgeShard(judging, input, loaded))),
      judgeBatch: (input) => inTerms(() => judgeBatch(judging, env, input)),
      cancelBatch: (input) => inTerms(() => cancelBatch(judging, env, input)),
    } satisfies JudgeActivities),
  };
}

/** Keeps what it makes; what throws is tried again with the next request. */
function oncePerConnection<T>(make: (judge: AskedJudge) => T): (judge: AskedJudge) => T {
  const made = new Map<string, T>();
  return (judge) => {
    const connection = connectionOf(judge);
    const known = made.get(connection);
    if (known !== undefined) return known;
    const created = make(judge);
    made.set(connection, created);
    return created;
  };
}

/** The provider's account, whose limits all workers share: the last part of the task queue's name. */
export function accountOf(env: NodeJS.ProcessEnv): string {
  return env['FLAMINGO_JUDGE_ACCOUNT'] ?? 'anthropic';
}
