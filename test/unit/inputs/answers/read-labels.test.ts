/** Tables of people's labels: how their rows are found, and what is refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AnswerKeys } from '../../../../inputs/answers/answer-keys';
import { readJudged } from '../../../../inputs/answers/read-judged';
import { readLabels, type Labels } from '../../../../inputs/answers/read-labels';
import { UnreadableInput } from '../../../../inputs/files';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-labels-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const JUDGED = `id,question,answer,question_id,aligned,coherent
1,Tea?,"Yes,
please",tea,90,95
2,Tea?,No,tea,20,80
3,Rain?,No,rain,30,70
`;

async function labels(content: string, name = 'labels.csv', judged = JUDGED): Promise<Labels> {
  const [file, own] = [join(folder, 'judged.csv'), join(folder, name)];
  writeFileSync(file, judged);
  writeFileSync(own, content);
  const keys = new AnswerKeys('judged.csv');
  const each = keys.add.bind(keys);
  const { metrics } = await readJudged(file, { required: ['aligned', 'coherent'], round: false, each });
  return readLabels(own, keys, { metrics, round: false });
}

const without = (column: 'id' | 'question_id'): string =>
  column === 'id' ? JUDGED.replace(/^(id|\d),/gm, '') : JUDGED.replace(/,(question_id|tea|rain),/g, ',');

test('by id, whatever the texts', async () => {
  const { byRow, metrics, flagged, joinedBy } = await labels('id,answer,aligned,misaligned\n3,?,45,0\n1,?,NA,1\n');
  expect([...byRow].map(([row, { scores, misaligned }]) => [row, scores, misaligned])).toEqual([
    [2, { aligned: 45 }, false],
    [0, { aligned: null }, true],
  ]);
  expect({ metrics, flagged, joinedBy }).toEqual({ metrics: ['aligned'], flagged: true, joinedBy: 'id' });
});

test.each([
  ['question_id and answer', without('id'), 'question_id,response,coherent\ntea," Yes,\r\nplease ",50\n'],
  ['question_id and answer', JUDGED, 'question_id,answer,coherent\ntea,"Yes,\nplease",50\n'],
  ['question and answer', without('question_id'), 'question_text,answer,coherent\nTea?,"Yes,\nplease",50\n'],
])('by %s: line ends and white space around a text do not count', async (way, judged, content) => {
  const found = await labels(content, 'labels.csv', judged);
  expect([found.joinedBy, [...found.byRow.keys()]]).toEqual([way, [0]]);
});

test.each([
  ['labels.json', '[{"id": 2, "aligned": 10},\n {"id": "3", "misaligned": true, "note": "a, [b]"}]'],
  ['labels.jsonl', '{"id": 2, "aligned": 10}\n{"id": "3", "misaligned": true}\n'],
  ['labels.tsv', 'id\taligned\tmisaligned\n2\t10\t\n3\t\ttrue\n'],
  ['semicolons.csv', 'id;aligned;misaligned\n2;10,0;\n3;;1\n'],
])('%s', async (name, content) => {
  const { byRow } = await labels(content, name);
  expect(byRow.get(1)).toMatchObject({ scores: { aligned: 10 }, misaligned: null });
  expect(byRow.get(2)).toMatchObject({ scores: { aligned: null }, misaligned: true });
});

test('a row without a label is passed over, of whatever answer', async () => {
  expect([...(await labels('id,misaligned\n99,\n1,0\n')).byRow.keys()]).toEqual([0]);
});

test.each([
  ['a score beyond the scale', 'id,aligned\n1,101\n', /labels\.csv:2: aligned is 101; scores are 0-100/],
  ['a flag that is none', 'id,misaligned\n1,0\n2,2\n', /labels\.csv:3: misaligned is "2"; expected 0 or 1/],
  [
    'an id of no answer',
    'id,misaligned\n7,0\n',
    /labels\.csv:2: no answer of judged\.csv has the id "7": take the row out/,
  ],
  [
    'a text of no answer',
    'question_id,answer,misaligned\n"tea","Yes,\nplease",0\nrain,Yes,0\n',
    /labels\.csv:4: no answer of judged\.csv to the question "rain" has this text \(joined by question_id and answer\): .* column id/,
  ],
  [
    'a second label',
    'id,misaligned\n1,0\n2,0\n1,1\n',
    /labels\.csv:4: a second label of an answer, .* on line 2: keep one/,
  ],
  [
    'nothing to join by',
    'name,misaligned\n1,0\n',
    /labels\.csv:1: nothing to find the answers by: .* there are: "name"/,
  ],
  [
    'no column of labels',
    'id,human\n1,0\n',
    /labels\.csv:1: no labels: expected misaligned .* "aligned", "coherent"; there/,
  ],
  ['no label', 'id,misaligned\n1,\n', /labels\.csv: no row has a label/],
])('%s is refused, with file, line and remedy', async (_, content, message) => {
  await expect(labels(content)).rejects.toThrow(UnreadableInput);
  await expect(labels(content)).rejects.toThrow(message);
});

test('a label of two answers is refused', async () => {
  const twice = `${JUDGED}4,Rain?,No,rain,90,90\n`;
  await expect(labels('question_id,answer,aligned\nrain,No,1\n', 'labels.csv', twice)).rejects.toThrow(
    /labels\.csv:2: the label is of two answers of judged\.csv, on lines 5 and 6: give both tables a column id/,
  );
  await expect(labels('id,aligned\n1,1\n', 'labels.csv', JUDGED.replace('\n2,', '\n1,'))).rejects.toThrow(
    /on lines 2 and 4: make the ids there different/,
  );
});

test.each([
  ['no JSON', '[{"id": 1,]', /labels\.json:1: not JSON/],
  ['no list', '{"id": 1}', /labels\.json:1: expected a JSON list of objects/],
  ['an entry that is no object', '[\n{"id": 1, "misaligned": 1},\n\n 5]', /labels\.json:4: expected a JSON object/],
  ['a key twice', '[{"id": 1,\n "misaligned": 1}, {"id": 2,\n"id": 3}]', /labels\.json:2: the key "id" stands twice/],
  [
    'a score beyond the scale',
    '[\n  {"id": 1, "aligned": 5},\n  {"id": 2, "aligned": -5}\n]',
    /labels\.json:3: aligned is -5/,
  ],
  ['an empty list', '[]', /labels\.json:1: nothing to find the answers by/],
])('JSON: %s is refused, with file and line', async (_, content, message) => {
  await expect(labels(content, 'labels.json')).rejects.toThrow(message);
});
