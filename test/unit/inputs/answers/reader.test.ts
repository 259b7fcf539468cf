/** Tables of answers: hostile cells come through as they are, and what is no table is refused with its place. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openAnswers, type AnswerColumns, type AnswerRow } from '../../../../inputs/answers/columns';
import { openTable, tableFormat, type TableFormat } from '../../../../inputs/answers/reader';
import { MAX_ROW_LENGTH } from '../../../../inputs/limits';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-table-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: string | Buffer, name = 'a.csv'): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function answers(content: string | Buffer, columns: AnswerColumns = {}, format: TableFormat = 'csv') {
  const table = await openAnswers(file(content, `a.${format}`), format, columns);
  const rows: AnswerRow[] = [];
  for await (const row of table.rows()) rows.push(row);
  return { table: table.table, rows };
}

const HOSTILE = [
  'say "no"',
  'a,b',
  'two\nlines',
  'two\r\nlines',
  '\u0000NUL',
  '=cmd()',
  '\u202Ertl',
  '{"a":1}',
  '',
  '$&',
  '</td>',
];
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

test.each(['\n', '\r\n', '\r'])('hostile cells of CSV, lines ended by %j', async (end) => {
  const text = ['id,question,answer', ...HOSTILE.map((cell, index) => `${index},Q${index},${quoted(cell)}`)].join(end);
  const { rows, table } = await answers(`\uFEFF${text}${end}`);
  expect(rows.map(({ answer }) => answer)).toEqual(HOSTILE);
  expect(table.header).toMatchObject({ byteOrderMark: true, columns: ['id', 'question', 'answer'], lineEnd: end });
  expect(rows.map(({ row }) => `${row.raw}${row.lineEnd}`).join('')).toBe(text.slice(text.indexOf('0,Q0')) + end);
});

test('lines are counted through quoted line ends and blank lines', async () => {
  const table = await openTable(file('question,answer\r\n\r\n"a\r\nb",c\r\n\nd,e\nf\n'), 'csv');
  const lines: number[] = [];
  await expect(async () => {
    for await (const { line } of table.rows()) lines.push(line);
  }).rejects.toThrow(/a\.csv:7: 1 fields, the header names 2 columns/);
  expect(lines).toEqual([3, 6]);
});

test.each(['\n', '\r\n', '\r'])(
  'many blank lines, ended by %j, are neither part of a row nor lost in its place',
  async (end) => {
    const blank = end.repeat(5_000);
    const long = 'x'.repeat(MAX_ROW_LENGTH + 1);
    const text = `${blank}question,answer${end}${blank}a,b${end}${blank} c,d${end}${blank}e,${long}`;
    const table = await openTable(file(text), 'csv');
    const rows: [number, string][] = [];
    await expect(async () => {
      for await (const { line, raw } of table.rows()) rows.push([line, raw]);
    }).rejects.toThrow(/a\.csv:20004: the row has more than/);
    expect(table.header?.raw).toBe('question,answer');
    expect(rows).toEqual([
      [10_002, 'a,b'],
      [15_003, ' c,d'],
    ]);
  },
);

test('a row may begin with a character of line ends that ends no line', async () => {
  const { rows } = await answers('question,answer\n\n\rq,a\n"\n",b\n');
  expect(rows.map(({ row }) => row.raw)).toEqual(['\rq,a', '"\n",b']);
});

test('JSON Lines: any text, also lone surrogates and line separators, and the very characters of a row', async () => {
  const texts = [...HOSTILE, '\ud800', 'a\u2028b'];
  const raws = texts.map((answer) => `{ "n": 1.50, "question": "Q", "answer": ${JSON.stringify(answer)} }`);
  const { rows } = await answers(`\uFEFF${raws.join('\r\n')}\n\n`, {}, 'jsonl');
  expect(rows.map(({ answer }) => answer)).toEqual(texts);
  expect(rows.map(({ row }) => row.raw)).toEqual(raws);
});

test('gzip is recognised by its bytes; names decide the format', async () => {
  const { rows } = await answers(gzipSync('question_text,response,question_id\nQ,A,q1\n'));
  expect(rows[0]).toMatchObject({ question: 'Q', answer: 'A', id: 'q1', group: '' });
  expect(['a.CSV.gz', 'b.ndjson', 'c.jsonl', 'd.txt', 'e.tsv', 'f.tab.gz', 'csv', 'g.xlsx'].map(tableFormat)).toEqual([
    ...['csv', 'jsonl', 'jsonl', 'csv', 'csv', 'csv'],
    null,
    null,
  ]);
});

test.each<[string, string | Buffer, TableFormat, AnswerColumns, RegExp]>([
  ['a broken quote', 'question,answer\n"a"b,c\n', 'csv', {}, /a\.csv:2: /],
  ['a quote inside a field', 'question,answer\nq,a"b\n', 'csv', {}, /a\.csv:2: .*\(column answer\)/],
  ['a quote that never ends', 'question,answer\nq,a\nq,"b\n', 'csv', {}, /a\.csv:3: /],
  ['no header', '', 'csv', {}, /a\.csv: the file is empty/],
  ['a column twice', 'answer,question,answer\n', 'csv', {}, /a\.csv:1: the column "answer" is there twice/],
  ['no UTF-8', Buffer.from([0x71, 0xff, 0x0a]), 'csv', {}, /:1: not UTF-8 text/],
  ['damaged gzip', Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0x01]), 'csv', {}, /damaged gzip file/],
  ['no JSON', '{"question":"a","answer":"b"}\n{"question"\n', 'jsonl', {}, /a\.jsonl:2: not JSON/],
  [
    'a key twice',
    '{"question":"a","answer":"b","answer":"c"}\n',
    'jsonl',
    {},
    /a\.jsonl:1: the key "answer" stands twice/,
  ],
  ['a key twice, once escaped', '{"a":[{"x":1,"\\u0078":2}]}\n', 'jsonl', {}, /a\.jsonl:1: the key "x" stands twice/],
  ['a list', '[1]\n', 'jsonl', {}, /a\.jsonl:1: expected a JSON object/],
])('refused: %s', async (_what, content, format, columns, message) => {
  await expect(answers(content, columns, format)).rejects.toThrow(message);
});

test('a file that is not there, and a folder', async () => {
  await expect(openTable(join(folder, 'none.csv'), 'csv')).rejects.toThrow('none.csv: no such file');
  await expect(openTable(folder, 'csv')).rejects.toThrow('this is a folder');
});

test.each([
  ['question;answer;note', ';'],
  ['question\tanswer', '\t'],
  ['question|answer', '|'],
  ['"question";"answer";"a, b, c, d"', ';'],
  ['question,answer,a;b;c;d', ','],
  ['"long\nname";question;answer', ';'],
  ['my words,my reply;again', ','],
  ['my words;my reply', ';'],
  ['only', ','],
])('the header %j is separated by %j', async (header, delimiter) => {
  const table = await openTable(file(`\uFEFF\r\n${header}\r\n`), 'csv', { expected: ['question', 'answer'] });
  expect(table.header?.delimiter).toBe(delimiter);
});

test('a .tsv file is separated by tabs where the header leaves it open; a given delimiter has the last word', async () => {
  const header = 'my words\tand, commas\n';
  expect((await openTable(file(header, 'a.tsv'), 'csv')).header?.columns).toEqual(['my words', 'and, commas']);
  expect((await openTable(file(header, 'a.csv'), 'csv')).header?.columns).toEqual(['my words\tand', ' commas']);
  expect((await openTable(file(header, 'a.csv'), 'csv', { delimiter: '\t' })).header?.columns).toHaveLength(2);
});

test.each([';', '\t', '|'])('cells of a table separated by %j', async (delimiter) => {
  const cells = [...HOSTILE.filter((cell) => cell !== ''), `a${delimiter}b`];
  const text =
    ['question', 'answer'].join(delimiter) + cells.map((cell) => `\r\nQ${delimiter}${quoted(cell)}`).join('');
  const { rows } = await answers(text);
  expect(rows.map(({ answer }) => answer)).toEqual(cells);
});

test('columns that are not found name the delimiter, which may be the wrong one', async () => {
  await expect(answers('question:answer\na:b\n')).rejects.toThrow(
    /a\.csv:1: no column for the question: .* separated by a comma: if not, give --delimiter/,
  );
});

test('columns without a name are told apart, and none is lost', async () => {
  const { rows, table } = await answers('question,answer,,\nQ,A,1,2\nQ,B,3,4\n');
  expect(table.header?.columns).toEqual(['question', 'answer', '', 'Unnamed: 3']);
  expect(rows.map(({ row }) => [row.fields.get(''), row.fields.get('Unnamed: 3')])).toEqual([
    ['1', '2'],
    ['3', '4'],
  ]);
});

test.each(['\n', '\r\n'])(
  "Excel's line with the delimiter is read, ended by %j, and lines are counted with it",
  async (end) => {
    // the header alone would be taken for two columns separated by a comma
    const text = ['sep=;', 'question;answer;a, b, c, d, e', 'Q;A;x', 'Q;B'].join(end);
    const table = await openTable(file(`\uFEFF${text}`), 'csv');
    expect(table.header).toMatchObject({
      columns: ['question', 'answer', 'a, b, c, d, e'],
      raw: `sep=;${end}question;answer;a, b, c, d, e`,
      delimiter: ';',
      byteOrderMark: true,
    });
    const lines: number[] = [];
    await expect(async () => {
      for await (const { line } of table.rows()) lines.push(line);
    }).rejects.toThrow(/a\.csv:4: 2 fields, the header names 3 columns/);
    expect(lines).toEqual([3]);
    await expect(answers(`sep=;${end}question;answer${end}Q;"a"b${end}`)).rejects.toThrow(/a\.csv:3: /);
  },
);

test('a message lists the first of thousands of columns, and keeps its remedy', async () => {
  const names = Array.from({ length: 5_000 }, (_, index) => `c${index}${'x'.repeat(100)}`);
  const message = await answers(`${names.join(',')}\n`).then(
    () => '',
    (error: Error) => error.message,
  );
  expect(message).toMatch(/"c0x+…", .* and 4,988 more; see --question-column; .* give --delimiter$/);
  expect(message.length).toBeLessThan(1_000);
});
