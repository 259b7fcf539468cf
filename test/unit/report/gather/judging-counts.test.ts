/** Why verdicts are missing: each is counted once, by the latest attempt to get it, however its shard was cut. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellRows } from '../../../../artifacts/cells';
import type { Missing } from '../../../../judge/shard';
import { recordTroubles } from '../../../../judge/troubles';
import { JudgingCounter } from '../../../../report/gather/judging-counts';
import { LocalStore } from '../../../../artifacts/local/store';
import { turnsWithin } from '../../../support/turns';

const GROUP = 'g'.repeat(64);

let folder: string;
let store: LocalStore;
let now: number;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'judging-counts-'));
  store = await LocalStore.open(join(folder, 'store'));
  now = Date.parse('2026-01-01T00:00:00Z');
  jest.spyOn(Date, 'now').mockImplementation(() => now);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** An attempt at a shard that gave up judgements. */
async function attempt(key: string, missing: Record<string, Missing['kind']>, met = {}): Promise<void> {
  now += 1_000;
  const of = await store.attempt({ stage: 'judgements', group: GROUP, key }, `attempt-${now}`);
  const list = Object.entries(missing).map(([id, kind]) => ({ id, kind, message: '' }));
  await recordTroubles(of, { troubles: met, missing: list });
}

async function counts(wanted: string[], answered: string[] = []): Promise<Record<string, number>> {
  const metric = { metric: 'alignment' };
  const cell = {
    wanted: wanted.map((id) => ({ metric, group: GROUP, request: { id } })),
    answered: new Set(answered),
    judgements: [],
    others: {},
  } as unknown as CellRows;
  const counter = new JudgingCounter();
  const groups = new Map([[GROUP, await store.survey('judgements', GROUP)]]);
  await counter.add(store, { cells: [cell], groups });
  return counter.counts()[0]?.counts ?? {};
}

test('others have their turn at each judgement', async () => {
  const wanted = ['one', 'two', 'three'];
  expect(await turnsWithin(() => counts(wanted))).toBeGreaterThanOrEqual(2 * wanted.length);
});

test('scorers count as one of their own, beside the judge', async () => {
  const cell = {
    wanted: [
      { metric: { metric: 'alignment', judge: 'judge' }, group: GROUP, request: { id: 'one' } },
      { metric: { metric: 'owl', judge: 'judge', scorer: 'matches' }, group: GROUP, request: { id: 'two' } },
      { metric: { metric: 'owl', judge: 'judge', scorer: 'matches' }, group: GROUP, request: { id: 'three' } },
      { metric: { metric: 'mark', judge: 'judge', scorer: 'command' }, group: GROUP, request: { id: 'four' } },
    ],
    answered: new Set(['three', 'four']),
    judgements: [
      { metric: 'owl', status: 'too_slow' },
      { metric: 'mark', status: 'no_score' },
      { metric: 'alignment', status: 'judge_refused' },
    ],
    others: { other: [{ metric: 'owl', status: 'unparsable' }] },
  } as unknown as CellRows;
  const counter = new JudgingCounter();
  await counter.add(store, { cells: [cell], groups: new Map() });
  expect(counter.counts()).toEqual([
    { judge: 'judge', counts: { 'missing: not asked': 1, 'verdict: the judge refused': 1 } },
    {
      judge: '(scorers)',
      counts: {
        'missing: not scored': 1,
        'verdict: the pattern took too long': 1,
        'verdict: the scorer has no score': 1,
      },
    },
    { judge: 'other', counts: { 'verdict: unparsable': 1 } },
  ]);
});

test.each([
  ['a', 'b'],
  ['b', 'a'],
])('a judgement that the shards %s and then %s gave up is missing once, for what the second met', async (...keys) => {
  const [first, second] = keys.map((key) => key.repeat(64)) as [string, string];
  await attempt(first, { one: 'server', two: 'server' }, { server: 10 });
  await attempt(second, { one: 'timeout' }, { timeout: 5 });
  expect(await counts(['one', 'two', 'three'])).toEqual({
    'met: server error (5xx)': 10,
    'met: server timeout (408, 504)': 5,
    'missing: not asked': 1,
    'missing: server error (5xx)': 1,
    'missing: server timeout (408, 504)': 1,
  });
});

test('of a committed shard the facts tell what the committing attempt met, and its other attempts what they did', async () => {
  const work = { stage: 'judgements' as const, group: GROUP, key: 'c'.repeat(64) };
  await attempt(work.key, { one: 'server' }, { server: 2 });
  await attempt(work.key, {}, { timeout: 7 });
  const committed = { attempt: `attempt-${now}`, host: 'here', at: '2026-01-01T00:00:00Z' };
  await store.commit(work, {
    ...{ stage: work.stage, key: work.key, results: {}, provenance: {}, committed },
    facts: { met_timeout: 3 },
  });
  expect(await counts(['one'], ['one'])).toEqual({
    'met: server error (5xx)': 2,
    'met: server timeout (408, 504)': 3,
  });
});

test('the latest attempt at one shard counts, and what was answered since is not missing', async () => {
  const key = 'a'.repeat(64);
  await attempt(key, { one: 'server', two: 'server' });
  await attempt(key, { one: 'network' });
  expect(await counts(['one', 'two'], ['two'])).toEqual({ 'missing: connection lost': 1 });
});
