/** Whether a file is an earlier state of what judging a table writes. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addedColumns } from '../../../../inputs/answers/judged-columns';
import { holdsRowsOf } from '../../../../inputs/answers/standing';
import { writeJudged } from '../../../../inputs/answers/write-judged';
import { folder, judgeAll, planned, store } from './judging-fixture';

const ADDED = addedColumns(['helpful']);
const TABLE = 'question,answer,n\nQ,"A ""1"", yes",007\nQ,"two\r\nlines",\nR,\ud83e\udda9,1\nR,again,1\n';

async function holds(out: string, content?: string): Promise<boolean> {
  const { table, plan } = await planned(TABLE);
  if (content !== undefined) writeFileSync(join(folder, out), content);
  return holdsRowsOf(join(folder, out), table, plan.columns, ADDED);
}

test.each(['out.csv', 'out.tsv', 'out.jsonl', 'out.csv.gz'])(
  '%s, written before or after the verdicts',
  async (out) => {
    const { table, plan } = await planned(TABLE);
    await writeJudged(store, table, plan, ['helpful'], { out: join(folder, out) });
    expect(await holds(out)).toBe(true);
    await judgeAll(plan);
    await writeJudged(store, table, plan, ['helpful'], { out: join(folder, out) });
    expect(await holds(out)).toBe(true);
  },
);

test('written of a table that has grown since', async () => {
  const before = await planned(
    TABLE.split('\n')
      .filter((line) => !line.startsWith('R,again'))
      .join('\n'),
  );
  await writeJudged(store, before.table, before.plan, ['helpful'], { out: join(folder, 'out.csv') });
  expect(await holds('out.csv')).toBe(true);
});

test('JSON Lines as CSV: kinds of values and columns that a row lacks are lost in it, and its rows are known all the same', async () => {
  const rows = '{"question":"Q","answer":"A\\ud800","n":1.50}\n{"question":"Q","answer":"B","more":[1]}\n';
  const { table, plan } = await planned(rows, {}, 'a.jsonl');
  await writeJudged(store, table, plan, ['helpful'], { out: join(folder, 'out.csv') });
  expect(await holdsRowsOf(join(folder, 'out.csv'), table, plan.columns, ADDED)).toBe(true);
});

const HEADER = 'question,answer,n,helpful,helpful_status,helpful_raw\n';
test.each([
  ['other columns', 'date,text\n1 May,not to be lost\n'],
  ['the table itself', TABLE],
  ['a column more', `${HEADER.trim()},remark\nR,again,1,5,scored,5,mine\n`],
  ['verdicts by another metric', 'question,answer,n,kind,kind_status,kind_raw\nR,again,1,5,scored,5\n'],
  ['another answer', `${HEADER}R,once,1,5,scored,5\n`],
  ['another value beside the answer', `${HEADER}R,again,2,5,scored,5\n`],
  ['rows in another order', `${HEADER}R,again,1,5,scored,5\nQ,"A ""1"", yes",007,1,scored,1\n`],
  ['the same row more often', `${HEADER}R,again,1,5,scored,5\nR,again,1,5,scored,5\n`],
  ['no table', 'a"b\n'],
  ['nothing', ''],
])('refused: %s', async (_what, content) => {
  expect(await holds('out.csv', content)).toBe(false);
});

test('JSON Lines that are no rows of the table, and a link into nothing', async () => {
  expect(await holds('out.jsonl', '{"mine":1}\n')).toBe(false);
  const verdict = '"helpful":1,"helpful_status":"scored","helpful_raw":"1"';
  expect(await holds('out.jsonl', `{"question":"R","answer":"again","n":"1",${verdict}}\n`)).toBe(true);
  expect(await holds('out.jsonl', `{"question":"R","answer":"again","n":"1",${verdict},"mine":1}\n`)).toBe(false);
  symlinkSync(join(folder, 'nowhere'), join(folder, 'link.csv'));
  expect(await holds('link.csv')).toBe(false);
});
