/** The table with its verdicts: what was there comes through byte for byte, in every format. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnswerTable } from '../../../../inputs/answers/columns';
import type { JudgingPlan } from '../../../../inputs/answers/judging-plan';
import { readJudged } from '../../../../inputs/answers/read-judged';
import { holdsRowsOf } from '../../../../inputs/answers/standing';
import { writeJudged } from '../../../../inputs/answers/write-judged';
import { folder, judgeAll, planned, store } from './judging-fixture';

async function written(table: AnswerTable, plan: JudgingPlan, out: string, suffix = ''): Promise<string> {
  await writeJudged(store, table, plan, ['helpful'], { out: join(folder, out), suffix });
  return readFileSync(join(folder, out), 'utf8');
}

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

test('R’s row names get a column without a name, so that what is written is a table to everybody', async () => {
  const { table, plan } = await planned('question,answer\n1,Q,A\n17,Q,BB\n');
  expect(plan.columns).toEqual(['', 'question', 'answer']);
  const added = ['helpful', 'helpful_status', 'helpful_raw'];
  expect(await written(table, plan, 'out.csv')).toBe(
    `"",question,answer,${added.join(',')}\n1,Q,A,,missing,\n17,Q,BB,,missing,\n`,
  );
  expect(await holdsRowsOf(join(folder, 'out.csv'), table, plan.columns, added)).toBe(true);
  await judgeAll(plan);
  expect(await written(table, plan, 'out.csv')).toContain('\n17,Q,BB,2,scored,7\n');
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

test.each([
  ['answers.csv', 'out.csv', 'question;answer', 'Q;"A; or B"', ';', 'helpful;helpful_status;helpful_raw', '7;scored;7'],
  [
    'answers.csv',
    'out.txt',
    'question\tanswer',
    'Q\tA, or',
    '\t',
    'helpful\thelpful_status\thelpful_raw',
    '5\tscored\t7',
  ],
  ['answers.tsv', 'out.tsv', 'question\tanswer', 'Q\tA', '\t', 'helpful\thelpful_status\thelpful_raw', '1\tscored\t7'],
])('%s to %s: the delimiter of the input stays', async (name, out, header, row, delimiter, added, verdict) => {
  const { table, plan } = await planned(`${header}\r\n${row}\r\n`, {}, name);
  await judgeAll(plan);
  expect(await written(table, plan, out)).toBe(`${header}${delimiter}${added}\r\n${row}${delimiter}${verdict}\r\n`);
});

test('a name that ends in .tsv is for tabs, and one that does not is none for them', async () => {
  const commas = await planned('question,answer\nQ,"A\tB"\n', {}, 'a.csv');
  await judgeAll(commas.plan);
  expect(await written(commas.table, commas.plan, 'out.tsv')).toBe(
    'question\tanswer\thelpful\thelpful_status\thelpful_raw\nQ\t"A\tB"\t3\tscored\t7\n',
  );
  const tabs = await planned('question\tanswer\nQ\t"A, B"\n', {}, 'a.tsv');
  await judgeAll(tabs.plan);
  expect(await written(tabs.table, tabs.plan, 'out.csv')).toBe(
    'question,answer,helpful,helpful_status,helpful_raw\nQ,"A, B",4,scored,7\n',
  );
});

test('a suffix keeps the columns apart from those that an earlier judging added, and every reader of ours takes the file', async () => {
  const { table, plan } = await planned('question,answer,helpful,helpful_status,helpful_raw\nQ,A,90,scored,90\n');
  await judgeAll(plan);
  const text = await written(table, plan, 'out.csv', '_again');
  expect(text.split('\n')[0]).toContain(',helpful_raw,helpful_again,helpful_again_status,helpful_again_raw');
  const read = await readJudged(join(folder, 'out.csv'), { required: ['helpful', 'helpful_again'], round: false });
  expect(read).toMatchObject({ metrics: ['helpful', 'helpful_again'], leftOut: [] });
  expect(read.answers).toEqual([{ question: 'Q', item: 'Q', scores: { helpful: 90, helpful_again: 1 } }]);
});

test('a name as long as a file system takes can be written', async () => {
  const { table, plan } = await planned('question,answer\nQ,A\n');
  await judgeAll(plan);
  expect(await written(table, plan, `${'n'.repeat(251)}.csv`)).toContain('Q,A,1,scored,7');
});

test("Excel's line with the delimiter stays the first", async () => {
  const { table, plan } = await planned('sep=;\r\nquestion;answer;;\r\nQ;A;1;2\r\n');
  expect(await written(table, plan, 'out.csv')).toBe(
    'sep=;\r\nquestion;answer;;;helpful;helpful_status;helpful_raw\r\nQ;A;1;2;;missing;\r\n',
  );
  expect(await written(table, plan, 'out.jsonl')).toBe(
    '{"question":"Q","answer":"A","":"1","Unnamed: 3":"2","helpful":null,"helpful_status":"missing","helpful_raw":null}\r\n',
  );
});

test.each([
  ['a.csv', 'question,answer,__proto__,toString\nQ,A,p,t\n'],
  ['a.jsonl', '{"question":"Q","answer":"A","__proto__":"p","toString":"t"}\n'],
])('columns that are called like what objects inherit are columns, from %s', async (name, content) => {
  const { table, plan } = await planned(content, {}, name);
  expect(await written(table, plan, 'out.jsonl')).toBe(
    '{"question":"Q","answer":"A","__proto__":"p","toString":"t","helpful":null,"helpful_status":"missing","helpful_raw":null}\n',
  );
  expect(await written(table, plan, 'out.csv')).toMatch(/^question,answer,__proto__,toString,.*\nQ,A,p,t,/);
});
