/** From a table through the store to the table with verdicts, without any service: identity, doubles, formats. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCell } from '../../../../artifacts/cells';
import { openAnswers, type AnswerColumns, type AnswerTable } from '../../../../inputs/answers/answers';
import { planGiven, type GivenPlan } from '../../../../inputs/answers/plan';
import { givenSpec } from '../../../../inputs/answers/spec';
import { tableFormat, type TableFormat } from '../../../../inputs/answers/table';
import { writeJudged } from '../../../../inputs/answers/write';
import { estimateJudging } from '../../../../judge/estimate';
import { countReuse } from '../../../../artifacts/reuse';
import { openStore } from '../../../../workers/open-store';
import { toJsonLines } from '../../../../artifacts/rows';
import type { Store } from '../../../../artifacts/store';
import { keyOf } from '../../../../experiment/canonical';
import { rejudge, type Rejudging } from '../../../../experiment/expand/rejudge';
import type { Judgement } from '../../../../experiment/rows';

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-given-'));
  store = await openStore(join(folder, 'store'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const WORDS = {
  file: 'answers.csv',
  metrics: { helpful: { rubric: 'Rate.\n{question}\n{answer}' } },
  combined: [],
  rubrics: null,
  judge: { kind: 'stand-in' },
  maxUsd: null,
  repeats: 1,
};

async function planned(content: string, columns: AnswerColumns = {}, name = 'answers.csv', words: object = {}) {
  const path = join(folder, name);
  writeFileSync(path, content);
  const table = await openAnswers(path, tableFormat(path) as TableFormat, columns);
  return { table, plan: await planGiven(store, table, givenSpec({ ...WORDS, ...words }), []) };
}

/** Commits a verdict on every answer: its score is the answer's length. */
async function judgeAll({ stored: { plan } }: GivenPlan, raw = '7'): Promise<void> {
  for (const cell of plan.configurations.flatMap(({ cells }) => cells)) {
    const { wanted } = await readCell(store, plan, cell);
    const rows = wanted.map(({ metric, request }): Judgement => ({
      id: request.id,
      completion: request.completion,
      metric: metric.metric,
      instrument: request.instrument,
      repeat: request.repeat,
      status: 'scored',
      score: Math.min(100, request.answer.length + request.repeat),
      raw,
    }));
    const key = keyOf(rows.map(({ id }) => id));
    await store.commit(
      { stage: 'judgements', group: wanted[0]?.group as string, key },
      {
        stage: 'judgements',
        key,
        results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
        provenance: {},
        facts: {},
        committed: { attempt: 'test', host: 'test', at: '2026-01-01T00:00:00Z' },
      },
    );
  }
}

async function written(table: AnswerTable, plan: GivenPlan, out: string): Promise<string> {
  await writeJudged(store, table, plan, ['helpful'], join(folder, out));
  return readFileSync(join(folder, out), 'utf8');
}

test('equal rows are one answer, in any order and under any file name; groups are configurations', async () => {
  const rows = ['m 1,Q1,A', 'm 1,Q1,B', 'm 1,Q2,A', 'M-1,Q1,A', 'm 1,Q1,A'];
  const one = await planned(['m,question,answer', ...rows].join('\n'), { group: 'm' });
  const other = await planned(['m,question,answer', ...rows.toReversed()].join('\r\n'), { group: 'm' }, 'other.csv');
  expect(one.plan).toMatchObject({ rows: 5, distinct: 4 });
  const contexts = ({ stored }: GivenPlan) =>
    stored.plan.configurations.map(({ cells }) => cells[0]?.contextKey).sort();
  expect(contexts(other.plan)).toEqual(contexts(one.plan));
  expect(one.plan.stored.plan.configurations.map(({ name, label }) => [name, label])).toEqual([
    ['m-1', 'm 1'],
    ['M-1-2', 'M-1'],
  ]);
  const reuse = await countReuse(store, one.plan.stored.plan);
  expect(reuse.completions).toEqual({ new: 0, reused: 4 });
  expect(reuse.judgements).toEqual({ new: 4, reused: 0 });
  expect(estimateJudging(one.plan.stored.plan).judgements).toBe(4);
});

test('the name stays for the same work, and is another for another rubric', async () => {
  const text = 'question,answer\nQ,A\n';
  const { plan } = await planned(text);
  expect(plan.name).toMatch(/^judge-answers-[0-9a-f]{10}$/);
  expect((await planned(text, {}, 'answers.csv', { judge: { kind: 'stand-in', concurrency: 2 } })).plan.name).toBe(
    plan.name,
  );
  const other = { metrics: { helpful: { rubric: 'Other words.\n{question}\n{answer}' } } };
  expect((await planned(text, {}, 'answers.csv', other)).plan.name).not.toBe(plan.name);
});

test('CSV: the input byte for byte, with mark, quoting and CRLF; what the judge wrote is quoted', async () => {
  const lines = ['"question",answer,n', 'Q,"A ""1"", yes",007', 'Q,"two\r\nlines",  x', 'Q,=1+1,', 'Q,=1+1,\u0000'];
  const { table, plan } = await planned(`\uFEFF${lines.join('\r\n')}`);
  await judgeAll(plan, 'a "b",\nc');
  const raw = '"a ""b"",\nc"';
  const added = ['helpful,helpful_status,helpful_raw', ...[10, 10, 4, 4].map((score) => `${score},scored,${raw}`)];
  expect(await written(table, plan, 'out.csv')).toBe(
    `\uFEFF${lines.map((line, index) => `${line},${added[index]}\r\n`).join('')}`,
  );
  expect(readdirSync(folder).filter((name) => name.includes('.tmp'))).toEqual([]);
});

test('JSON Lines: the very characters of a row stay; missing verdicts say so', async () => {
  const raws = ['{"answer":"A\\ud800","n":1.50,"question":"Q","2":1}', '{ "question" : "Q", "answer" : "B" }'];
  const { table, plan } = await planned(raws.join('\n'), {}, 'a.jsonl');
  const missing = '"helpful":null,"helpful_status":"missing","helpful_raw":null}\n';
  expect(await written(table, plan, 'out.jsonl')).toBe(
    `{"answer":"A\\ud800","n":1.50,"question":"Q","2":1,${missing}{"question" : "Q", "answer" : "B",${missing}`,
  );
  await judgeAll(plan);
  expect(await written(table, plan, 'out.csv')).toBe(
    '2,answer,n,question,helpful,helpful_status,helpful_raw\n1,A\uFFFD,1.5,Q,2,scored,7\n,B,,Q,1,scored,7\n',
  );
});

test('repeats: the mean, and all that the judge wrote', async () => {
  const { table, plan } = await planned('question,answer\nQ,A\n', {}, 'answers.csv', { repeats: 3 });
  await judgeAll(plan);
  expect(await written(table, plan, 'out.csv')).toContain('Q,A,2,scored,"[""7"",""7"",""7""]"');
});

test('a file that changed meanwhile is refused, and nothing is written', async () => {
  const { table, plan } = await planned('question,answer\nQ,A\n');
  writeFileSync(join(folder, 'answers.csv'), 'question,answer\nQ,A\nQ,B\n');
  await expect(written(table, plan, 'out.csv')).rejects.toThrow(/answers\.csv:3: the file has changed/);
  expect(readdirSync(folder).sort()).toEqual(['answers.csv', 'store']);
});

describe('rejudge', () => {
  const judge = givenSpec({ ...WORDS, judge: { kind: 'claude', model: 'claude-haiku-5-5' } }).spec.judge;
  const WANTED: Rejudging = { name: null, judge, rubrics: [], cells: null, only: null };

  test('adds a judge: the first judge’s work is untouched, keys change, the same again changes nothing', async () => {
    const { stored } = (await planned('question,answer\nQ,A\nQ,B\n')).plan;
    const once = rejudge(stored.plan, stored.spec, WANTED);
    expect(once.name).toBe('claude-haiku-5-5');
    const [before, after] = [stored.plan, once.plan].map(({ configurations }) => configurations[0]);
    expect(after?.key).not.toBe(before?.key);
    expect(after?.cells[0]?.metrics[0]).toEqual(before?.cells[0]?.metrics[0]);
    expect(after?.cells[0]?.judgements).toBe(4);
    expect((await countReuse(store, once.plan)).completions.new).toBe(0);
    const twice = rejudge(once.plan, once.spec, WANTED);
    expect(twice).toEqual(once);
  });

  test('only some completions, only some cells', async () => {
    const { stored } = (await planned('m,question,answer\na,Q,A\na,Q,B\nb,Q,C\n', { group: 'm' })).plan;
    const first = (await readCell(store, stored.plan, stored.plan.configurations[0]!.cells[0]!)).completions[0]!;
    const { plan } = rejudge(stored.plan, stored.spec, {
      ...WANTED,
      only: (cell) => (cell.configuration === 'a' ? [first.id] : []),
    });
    expect(plan.configurations.map(({ cells }) => cells[0]?.judgements)).toEqual([3, 1]);
    expect(plan.configurations[1]?.key).toBe(stored.plan.configurations[1]?.key);
    expect((await countReuse(store, plan)).judgements.new).toBe(4);
  });

  test('refuses what was asked already, what is not there, and a name that is taken', async () => {
    const { stored } = (await planned('question,answer\nQ,A\n')).plan;
    const refused =
      (wanted: Partial<Rejudging>, from = stored) =>
      () =>
        rejudge(from.plan, from.spec, { ...WANTED, ...wanted });
    expect(refused({ judge: stored.spec.judge })).toThrow('already');
    expect(refused({ cells: ['answers/answers/gven'] })).toThrow('did you mean `answers/answers/given`');
    expect(refused({ only: () => [] })).toThrow('nothing to judge');
    expect(refused({ rubrics: givenSpec({ ...WANTED_METRIC }).spec.metrics })).toThrow('no metric kindness');
    const once = { ...stored, ...rejudge(stored.plan, stored.spec, { ...WANTED, name: 'other' }) };
    const warm = { ...judge, maxTokens: 99 };
    expect(refused({ name: 'other', judge: warm }, once)).toThrow('there is a judge other already');
  });

  const WANTED_METRIC = { ...WORDS, metrics: { kindness: { rubric: '{question} {answer}' } } };
});
