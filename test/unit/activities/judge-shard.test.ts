/**
 * The activity that judges a shard, against a store that is slow or refuses: it is never silent, its own error is the one that is
 * told, and what was paid is on record.
 */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { judgeShard, type Judging } from '../../../activities/judge-shard';
import { toJsonLines } from '../../../artifacts/rows';
import { loadPlanForJudging, storePlan, type StoredPlan } from '../../../artifacts/plans';
import { LocalStore } from '../../../artifacts/local/store';
import { type Attempt, LogUnwritable, type Store } from '../../../artifacts/store';
import { sha256 } from '../../../experiment/canonical';
import type { AccountShares } from '../../../judge/pacing/account-share';
import { spentUsd } from '../../../judge/spending';
import type { JudgeShardInput } from '../../../workflows/activity-types';
import { beatsWatched, changed } from '../../support/store-calls';
import { INSTRUMENT, INSTRUMENT_KEY, requests, resources, standInClient } from '../judge/fixtures';

const { folder, standIn } = resources();

async function setUp(): Promise<{ store: Store; input: JudgeShardInput }> {
  const store = await LocalStore.open(folder());
  const judge = { kind: 'claude', model: INSTRUMENT.model, price: { input: 1e6, output: 1e6 }, concurrency: 4 };
  const plan = await storePlan(store, {
    plan: { key: store.id, experiment: 'demo', instruments: { [INSTRUMENT_KEY]: INSTRUMENT }, configurations: [] },
    spec: { name: 'demo', judge, judges: {} },
    source: { file: 'demo.yaml', text: '' },
  } as unknown as StoredPlan);
  const asked = requests(3);
  const shard = {
    group: 'context-instrument',
    key: sha256('shard'),
    metric: 'alignment',
    judge: 'judge',
    requests: await store.putBytes(toJsonLines(asked), '.jsonl'),
    count: asked.length,
  };
  return { store, input: { plan, configuration: 'base', cell: 'base/all', experiment: 'demo', shard, maxUsd: null } };
}

async function judged(
  store: Store,
  input: JudgeShardInput,
  onHeartbeat: () => void = () => undefined,
): Promise<unknown> {
  const server = await standIn();
  const shares = { use: () => ({ pace: undefined, done: () => undefined }) } as unknown as AccountShares;
  const judging: Judging = {
    store,
    shares,
    clientFor: () => standInClient(server),
    batchClientFor: () => {
      throw new Error('nothing here goes through batches');
    },
    loadPlan: (plan) => loadPlanForJudging(store, plan),
  };
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  environment.on('heartbeat', onHeartbeat);
  return environment.run(() => judgeShard(judging, input, () => undefined));
}

afterEach(() => jest.restoreAllMocks());

test('it beats all the time that the store takes to answer, whatever it is asked', async () => {
  const { store, input } = await setUp();
  const { watched, asked, silent, beat } = beatsWatched(store);
  await judged(watched, input, beat);
  for (const name of ['read', 'lease', 'manifest', 'attempts', 'attempt', 'commit', 'appendRecord', 'release'])
    expect(asked).toContain(name);
  expect(silent).toEqual([]);
});

test('a journal that can not be closed hides neither the error that ended the shard nor what was paid', async () => {
  const { store, input } = await setUp();
  const openLog: Attempt['openLog'] = async () => {
    const log = await attempt.openLog('judge-test.jsonl');
    return {
      append: (line) => log.append(line),
      writable: (signal) => log.writable(signal),
      trouble: null,
      close: async () => {
        await log.close();
        throw new LogUnwritable('it is full');
      },
    };
  };
  const attempt = await store.attempt({ stage: 'judgements', group: 'other', key: sha256('other') }, 'a1');
  const broken = changed(store, {
    attempt: async (...args: Parameters<Store['attempt']>) =>
      Object.assign(Object.create(await store.attempt(...args)) as Attempt, { openLog }),
    commit: () => Promise.reject(new Error('the commit failed')),
  });
  await expect(judged(broken, input)).rejects.toThrow('the commit failed');
  expect(await spentUsd(store, 'demo')).toBeGreaterThan(0);
});
