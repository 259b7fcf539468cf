/** What people read of a cell: all rows, however many pieces they are written in, and untouched where nothing changed. */
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellRows } from '../../../artifacts/cells';
import type { Plan } from '../../../experiment/plan';
import type { Completion, Judgement } from '../../../experiment/rows';
import { publishCell } from '../../../report/publish';
import { turnsWithin } from '../../support/turns';

const ROWS = 3000;
const PLAN = { instruments: { rubric: { model: 'a judge' } }, configurations: [] } as unknown as Plan;

function cell(answer: string): CellRows {
  const id = (index: number): string => String(index).padStart(64, '0');
  const completions = Array.from({ length: ROWS }, (_, index): Completion => ({
    ...{
      id: id(index),
      question: 'key',
      sample: index,
      text: `${answer} ${index}`,
      finish: 'stop',
      tokens: 1,
      adapter: null,
    },
  }));
  const judged = (judge: string): Judgement[] =>
    completions.map(({ id: completion }) => ({
      ...{ id: `${judge}-${completion}`, completion, metric: 'helpful', instrument: 'rubric', repeat: 0 },
      ...{ status: 'scored', score: 1, raw: '1' },
    }));
  const planned = { id: 'base/answers/given', judgements: 2 * ROWS };
  return {
    ...{ planned, completions, questions: [{ key: 'key', id: 'Q' }] },
    ...{ judgements: judged('main'), others: { second: judged('second') }, judged: 2 * ROWS },
  } as unknown as CellRows;
}

let output: string;
beforeEach(() => (output = mkdtempSync(join(tmpdir(), 'flamingo-publish-'))));
afterEach(() => rmSync(output, { recursive: true, force: true }));

const rowsOf = (name: string): Record<string, unknown>[] =>
  readFileSync(join(output, 'base/answers/given', name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('rows of many pieces are all there, in their order; each judge has its own', async () => {
  const rows = cell('words '.repeat(200));
  expect(await publishCell(PLAN, rows, output)).toEqual({ completions: ROWS, judgements: 2 * ROWS, missing: 0 });
  const published = rowsOf('completions.jsonl');
  expect(published.map(({ text }) => text)).toEqual(rows.completions.map(({ text }) => text));
  expect(published[0]).toMatchObject({ question: 'Q', questionKey: 'key' });
  const judgements = rowsOf('judgements.jsonl');
  expect(judgements).toHaveLength(2 * ROWS);
  expect(judgements[0]).toMatchObject({ judge: 'judge', model: 'a judge', question: 'Q' });
  expect(judgements[ROWS]).toMatchObject({ judge: 'second', model: 'a judge' });
});

test('others have their turn at each piece while a large file is held against the rows', async () => {
  const rows = cell('words '.repeat(200));
  await publishCell(PLAN, rows, output);
  const megabytes = statSync(join(output, 'base/answers/given/completions.jsonl')).size / 2 ** 20;
  expect(megabytes).toBeGreaterThan(3);
  expect(await turnsWithin(() => publishCell(PLAN, rows, output))).toBeGreaterThanOrEqual(Math.floor(megabytes));
});

test('a file with the same rows is left as it is, another is replaced', async () => {
  const file = join(output, 'base/answers/given/completions.jsonl');
  await publishCell(PLAN, cell('one'), output);
  const long = new Date('2026-01-01T00:00:00Z');
  utimesSync(file, long, long);
  await publishCell(PLAN, cell('one'), output);
  expect(statSync(file).mtime).toEqual(long);
  await publishCell(PLAN, cell('two'), output);
  expect(rowsOf('completions.jsonl')[0]).toMatchObject({ text: 'two 0' });
});

test('a small file is replaced where a row, a letter or its length is another', async () => {
  const file = join(output, 'base/answers/given/completions.jsonl');
  const few = (answer: string, count = 3): CellRows => {
    const rows = cell(answer);
    return { ...rows, completions: rows.completions.slice(0, count) };
  };
  const long = new Date('2026-01-01T00:00:00Z');
  for (const rows of [few('one'), few('önè'), few('two'), few('two', 2), few('two', 0), few('much longer')]) {
    await publishCell(PLAN, rows, output);
    const text = readFileSync(file, 'utf8');
    expect(text.split('\n')).toHaveLength(rows.completions.length + 1);
    for (const { text: answer } of rows.completions) expect(text).toContain(answer);
    utimesSync(file, long, long);
    await publishCell(PLAN, rows, output);
    expect(statSync(file).mtime).toEqual(long);
  }
});
