/** Which column is what, and rows that lack what their columns promise. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAnswers, type AnswerColumns, type AnswerRow } from '../../../../inputs/answers/columns';
import type { TableFormat } from '../../../../inputs/answers/reader';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-columns-'))));
afterAll(() => rmSync(folder, { recursive: true }));

async function answers(content: string, columns: AnswerColumns = {}, format: TableFormat = 'csv') {
  const path = join(folder, `a.${format}`);
  writeFileSync(path, content);
  const table = await openAnswers(path, format, columns);
  const rows: AnswerRow[] = [];
  for await (const row of table.rows()) rows.push(row);
  return { rows };
}

test('named columns', async () => {
  const { rows } = await answers('m,p,r\nx,P,R\n', { question: 'p', answer: 'r', group: 'm', id: 'm' });
  expect(rows[0]).toMatchObject({ question: 'P', answer: 'R', id: 'x', group: 'x' });
});

test.each([
  ['question', 'answer'],
  ['question_text', 'response'],
  ['Prompt', 'Model Response'],
  ['user_prompt', 'completion'],
])('columns called %s and %s', async (question, answer) => {
  const { rows } = await answers(`${question},Question ID,${answer}\nP,q,R\n`);
  expect(rows[0]).toMatchObject({ question: 'P', id: 'q', answer: 'R' });
});

test('of several answers nobody knows which one is meant: it has to be told', async () => {
  const content = 'question,answer,response\nQ,gold,R\n';
  await expect(answers(content)).rejects.toThrow(
    /a\.csv:1: 2 columns may be the answer: "answer", "response"; --answer-column says which is/,
  );
  expect((await answers(content, { answer: 'response' })).rows[0]).toMatchObject({ answer: 'R' });
});

test.each<[string, string, TableFormat, AnswerColumns, RegExp]>([
  [
    'no such column',
    'question,answer\na,b\n',
    'csv',
    { group: 'model' },
    /a\.csv:1: no column for the group.*--group-column/,
  ],
  ['an empty question', 'question,answer\na,b\n,c\n', 'csv', {}, /a\.csv:3: "question" is empty/],
  [
    'an answer that is no text',
    '{"question":"a","answer":5}\n',
    'jsonl',
    {},
    /a\.jsonl:1: "answer" is a number: expected a text/,
  ],
  [
    'an answer that lacks',
    '{"question":"a","answer":"b"}\n\n{"question":"a"}',
    'jsonl',
    {},
    /a\.jsonl:3: "answer" is missing/,
  ],
])('refused: %s', async (_what, content, format, columns, message) => {
  await expect(answers(content, columns, format)).rejects.toThrow(message);
});

test('a column that is not there is told before the rows are read', async () => {
  const columns: AnswerColumns = { group: 'modle' };
  // a row that could not be read comes first
  const csv = 'model,seed,question,answer\nm,1,a,b\nm,1\n';
  await expect(answers(csv, columns)).rejects.toThrow(/a\.csv:1: no column for the group/);
  const line = '{"model":"m","seed":1,"question":"a","answer":"b"}';
  await expect(answers(`\n${line}\n{`, columns, 'jsonl')).rejects.toThrow(/a\.jsonl:2: no column for the group/);
});
