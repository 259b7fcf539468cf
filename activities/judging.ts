/**
 * The activities of a judge worker, with what they share: the account, the clients, and the shards that are being read.
 */
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { loadPlanForJudging } from '../artifacts/plans';
import type { Store } from '../artifacts/store';
import type { Instrument } from '../experiment/plan';
import type { JudgeActivities } from '../workflows/activity-types';
import { checkJudge } from './check-judge';
import { refusingDamage } from './damage';
import { withHeartbeat } from './heartbeat';
import { cancelBatch, judgeBatch } from './judge-batch';
import { createJudgeClient, type JudgeClient } from '../judge/client';
import { SYSTEM_CLOCK } from '../judge/clock';
import { withJudgeFailures } from './judge-failures';
import { judgeShard, type Judging } from './judge-shard';
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
}

export function judgeWorker(store: Store, env: NodeJS.ProcessEnv, { warn, counted }: JudgeObserver): JudgeWorker {
  const clients = new Map<string, JudgeClient>();
  let temporal: Client | undefined;
  const account = temporalAccount(accountOf(env), () => temporal as Client);
  const shares = new AccountShares(account, SYSTEM_CLOCK, warn);
  const clientFor = (judge: Instrument['judge']): JudgeClient => {
    const known = clients.get(judge);
    if (known !== undefined) return known;
    const standInUrl = env['FLAMINGO_STAND_IN_URL'];
    const created = createJudgeClient({ judge, env, ...(standInUrl === undefined ? {} : { standInUrl }) });
    const client = counted?.(created) ?? created;
    clients.set(judge, client);
    return client;
  };
  const loading = new LoadingShards();
  const judging: Judging = { store, shares, clientFor };
  const inTerms = <T>(work: () => Promise<T>): Promise<T> => {
    temporal ??= Context.current().client;
    return withJudgeFailures(account, work);
  };
  return {
    full: () => loading.full || shares.full,
    activities: refusingDamage({
      checkJudge: ({ plan, judges }) =>
        withHeartbeat('checking the judge', async () => {
          const { spec } = await loadPlanForJudging(store, plan);
          await inTerms(() => checkJudge(clientFor, spec, judges));
        }),
      judgeShard: (input) => inTerms(() => loading.during((loaded) => judgeShard(judging, input, loaded))),
      judgeBatch: (input) => inTerms(() => judgeBatch(store, env, shares, input)),
      cancelBatch: (input) => inTerms(() => cancelBatch(store, env, input)),
    } satisfies JudgeActivities),
  };
}

/** The provider's account, whose limits all workers share: the last part of the task queue's name. */
export function accountOf(env: NodeJS.ProcessEnv): string {
  return env['FLAMINGO_JUDGE_ACCOUNT'] ?? 'anthropic';
}
