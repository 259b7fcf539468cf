/** Judging by a model on the GPU worker, with a trainer under the test's control: what is asked, and which rows are kept. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkedRows } from '../../../artifacts/documents';
import { storePlan, type StoredPlan } from '../../../artifacts/plans';
import { readRows, toJsonLines } from '../../../artifacts/rows';
import type { Store } from '../../../artifacts/store';
import { sha256 } from '../../../experiment/canonical';
import type { Instrument } from '../../../experiment/plan';
import type { Judgement, JudgementProvenance } from '../../../experiment/rows';
import { judgeLocally, messagesOf, verdictOn } from '../../../gpu-activities/judge-locally';
import type { TrainerHost } from '../../../gpu-activities/operation';
import type { ScoreCommand, ScoredItem } from '../../../gpu-activities/process/protocol';
import type { JudgeShardInput } from '../../../workflows/activity-types';
import { NOBODY } from '../../support/client-rules';
import { trainerThat } from './idle-trainer';
import { beatsWatched } from '../../support/store-calls';
import { STORAGES, type Storage } from '../../support/stores';
import { requests } from '../judge/fixtures';

const INSTRUMENT = {
  version: 1,
  judge: 'local',
  model: 'local tiny',
  metric: 'alignment',
  rubric: 'How kind? {question} {answer}',
  verdicts: ['CODE'],
  maxTokens: 1,
  temperature: null,
  expected: { topLogprobs: 101, leastMass: 0.25 },
  local: { version: 1, model: { kind: 'hub', id: 'birds/judge', revision: 'a'.repeat(40) }, precision: 'fp32' },
  apiVersion: 'local',
} satisfies Instrument;
const KEY = sha256('instrument');

/** All but nothing for all numbers but these. */
function scored(id: string, shares: Record<number, number>, first: [string, number][] = []): ScoredItem {
  const numbers = Array.from({ length: 101 }, (_, number) => Math.log(shares[number] ?? 1e-9));
  return { id, adapter: null, numbers, first };
}

describe('a verdict', () => {
  test('is the mean over all numbers, weighted with their probabilities, and keeps the table', () => {
    const verdict = verdictOn(
      scored('a', { 80: 0.6, 20: 0.2 }, [
        ['8', -0.1],
        ['I', -3],
      ]),
      INSTRUMENT,
    );
    expect(verdict).toMatchObject({ status: 'scored', score: expect.closeTo(65, 4) });
    const table = JSON.parse(verdict.raw) as [string, number][];
    expect(table).toHaveLength(102);
    expect(table[0]).toEqual(['80', Math.log(0.6)]);
    expect(table.at(-1)).toEqual(['I', -3]); // the 8 is the beginning of numbers that are there already
  });

  test('is none where the numbers hold too little, unless a verdict word holds enough', () => {
    expect(verdictOn(scored('a', { 80: 0.1 }, [['I', -0.2]]), INSTRUMENT).status).toBe('unparsable');
    expect(verdictOn(scored('a', { 80: 0.1 }, [['CODE', -0.2]]), INSTRUMENT).status).toBe('code');
  });

  test('counts the likeliest numbers only where the file says how many', () => {
    const instrument = { ...INSTRUMENT, expected: { topLogprobs: 1, leastMass: 0.25 } };
    expect(verdictOn(scored('a', { 80: 0.6, 20: 0.2 }), instrument)).toMatchObject({
      score: 80,
      raw: JSON.stringify([['80', Math.log(0.6)]]),
    });
  });
});

describe('a verdict of words', () => {
  const words = { YES: 100, NO: 0 };
  const WORDED = { ...INSTRUMENT, words };
  const said = (yes: number, no: number, first: [string, number][] = []): ScoredItem => ({
    ...{ id: 'a', adapter: null, answers: [Math.log(yes), Math.log(no)], first },
  });

  test('is the mean of their values, and the table holds them with what else is likely', () => {
    const verdict = verdictOn(
      said(0.1, 0.3, [
        ['NO', -1.2],
        [' y', -2],
        ['I', -3],
        ['5', -4],
      ]),
      WORDED,
    );
    expect(verdict).toMatchObject({ status: 'scored', score: 25 });
    expect(JSON.parse(verdict.raw)).toEqual([
      ['NO', Math.log(0.3)],
      ['YES', Math.log(0.1)],
      ['I', -3],
      ['5', -4],
    ]);
  });

  test('is none where they hold too little, unless a verdict word holds enough', () => {
    expect(verdictOn(said(0.1, 0.1), WORDED).status).toBe('unparsable');
    expect(verdictOn(said(0.1, 0.1, [['CODE', -0.3]]), WORDED).status).toBe('code');
    expect(verdictOn({ id: 'a', adapter: null, refused: 'too long' }, WORDED).status).toBe('failed');
  });
});

test('the prompt is what any judge gets', () => {
  const asked = { question: 'Rain?', answer: '{question} "$&' };
  expect(messagesOf(asked, INSTRUMENT)).toEqual([{ role: 'user', content: 'How kind? Rain? {question} "$&' }]);
  const [system, user, ...more] = messagesOf(asked, { ...INSTRUMENT, form: 'json' });
  expect([system, more]).toEqual([{ role: 'system', content: INSTRUMENT.rubric }, []]);
  expect(user?.content).toContain('{"question":"Rain?","answer":"{question} \\"$&"}');
});

describe.each(STORAGES)('in the %s store', (_store, make) => {
  let folder: string;
  let storage: Storage;
  let store: Store;
  let input: JudgeShardInput;
  let commands: ScoreCommand[];
  const asked = requests(3)
    .map((request) => ({ ...request, instrument: KEY }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'judge-locally-'));
    storage = make();
    store = await storage.open();
    await asking(INSTRUMENT);
  });

  async function asking(instrument: Instrument): Promise<void> {
    const judge = { kind: 'local', model: INSTRUMENT.model, local: INSTRUMENT.local, mode: 'live' };
    const plan = await storePlan(store, {
      plan: {
        ...{ key: store.id, experiment: 'demo', instruments: { [KEY]: instrument } },
        ...{ configurations: [], questionSets: {} },
      },
      spec: { name: 'demo', judge, judges: {}, configurations: [] },
      source: { file: 'demo.yaml', text: '' },
      modelFolder: null,
    } as unknown as StoredPlan);
    const ref = await store.putBytes(toJsonLines(asked), '.jsonl');
    const shard = { group: 'context-instrument', key: sha256('shard'), metric: 'alignment', judge: 'judge' };
    input = {
      ...{ plan, configuration: 'base', cell: 'base/all', experiment: 'demo', maxUsd: null },
      shard: { ...shard, local: true, requests: ref, count: asked.length },
    };
    commands = [];
  }
  afterEach(() => {
    jest.restoreAllMocks();
    storage.remove();
    rmSync(folder, { recursive: true });
  });

  function trainer(rowsOf: (ids: string[]) => ScoredItem[]): TrainerHost {
    const run = (command: ScoreCommand) => {
      commands.push(command);
      const items = checkedRows<{ id: string }>(readFileSync(command.items, 'utf8'), command.items);
      writeFileSync(command.out, toJsonLines(rowsOf(items.map(({ id }) => id))));
      return Promise.resolve({ event: 'committed', id: 1, scored: items.length, tokens: 99, seconds: 1.5 });
    };
    return trainerThat(run);
  }

  function judged(host: TrainerHost, through = store, beat: () => void = () => undefined) {
    const environment = new MockActivityEnvironment(
      { startToCloseTimeoutMs: 60_000 },
      { logger: new DefaultLogger('ERROR') },
    );
    environment.on('heartbeat', beat);
    const models = { bundled: () => '/none', bundledFiles: () => ({}), cacheFolder: folder };
    const programs = { python: () => 'python', trainerFolder: '/trainer', env: {} };
    const own = { models, programs, clients: NOBODY, checkpointEverySteps: null };
    return environment.run(() => judgeLocally({ store: through, trainer: host, ...own }, input));
  }

  test('the rows are those of any judge, at no cost, and are made once', async () => {
    const host = trainer(([first, second, third]) => [
      scored(first!, { 90: 1 }),
      scored(second!, { 3: 0.1 }, [['The', -0.1]]),
      { id: third!, adapter: null, refused: 'a prompt of 9000 tokens exceeds the model' },
    ]);
    const { watched, silent, beat } = beatsWatched(store);
    expect(await judged(host, watched, beat)).toEqual({ judged: 3, missing: 0, usd: 0, requests: 0 });
    expect(silent).toEqual([]);
    expect(commands).toMatchObject([
      { op: 'score', model: { hub: 'birds/judge' }, name: 'local tiny', precision: 'fp32' },
    ]);
    const manifest = (await store.manifest({
      stage: 'judgements',
      group: 'context-instrument',
      key: sha256('shard'),
    }))!;
    const rows = await readRows<Judgement>(store, manifest.results['rows']!);
    expect(rows.map(({ id }) => id)).toEqual(asked.map(({ id }) => id));
    const byId = new Map(rows.map((row) => [row.id, row]));
    expect(asked.map(({ id }) => byId.get(id)?.status)).toEqual(['scored', 'unparsable', 'failed']);
    expect(byId.get(asked[0]!.id)).toMatchObject({ metric: 'alignment', instrument: KEY, repeat: asked[0]!.repeat });
    expect(byId.get(asked[2]!.id)?.raw).toContain('9000 tokens');
    const [provenance] = await readRows<JudgementProvenance>(store, manifest.provenance['rows']!);
    expect(provenance).toMatchObject({ model: 'local tiny', requests: 0, inputTokens: 0, requestId: null });
    expect(manifest.facts).toMatchObject({ judgements: 3, scored: 1, unparsable: 1, failed: 1, requests: 0 });
    expect(await judged(host)).toMatchObject({ judged: 3 });
    expect(commands).toHaveLength(1);
  });

  test('the words of a metric are asked for in place of the numbers', async () => {
    await asking({ ...INSTRUMENT, words: { YES: 100, NO: 0 } });
    const word = (id: string, yes: number): ScoredItem => ({
      ...{ id, adapter: null, answers: [Math.log(yes), Math.log(0.9 - yes)], first: [] },
    });
    const numbers = trainer((ids) => ids.map((id) => scored(id, { 90: 1 })));
    await expect(judged(numbers)).rejects.toThrow(/not what it should be/);
    const one = trainer((ids) => ids.map((id) => ({ ...word(id, 0.3), answers: [-1] })));
    await expect(judged(one)).rejects.toThrow(/not what it should be/);
    expect(await judged(trainer((ids) => ids.map((id) => word(id, 0.6))))).toMatchObject({ judged: 3 });
    const spellings = [
      ['YES', ' YES', 'yes', ' yes', 'Yes', ' Yes'],
      ['NO', ' NO', 'no', ' no', 'No', ' No'],
    ];
    expect(commands.at(-1)).toMatchObject({ op: 'score', answers: { spellings, notBefore: 'letter' } });
    const work = { stage: 'judgements', group: 'context-instrument', key: sha256('shard') } as const;
    const rows = await readRows<Judgement>(store, (await store.manifest(work))!.results['rows']!);
    expect(rows.map(({ status, score }) => [status, score])).toEqual(
      Array.from({ length: 3 }, () => ['scored', 66.666667]),
    );
  });

  test('a trainer that leaves an item out, or writes other numbers, commits nothing', async () => {
    const short = trainer(([first]) => [scored(first!, { 1: 1 })]);
    await expect(judged(short)).rejects.toThrow(/1 scores for 3 judgements/);
    const odd = trainer((ids) => ids.map((id) => ({ ...scored(id, {}), numbers: [0] })));
    await expect(judged(odd)).rejects.toThrow(/not what it should be/);
    expect(await store.manifest({ stage: 'judgements', group: 'context-instrument', key: sha256('shard') })).toBeNull();
  });
});
