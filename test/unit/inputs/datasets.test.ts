import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseDataset, readDataset } from '../../../inputs/datasets';
import { sha256 } from '../../../experiment/canonical';

const row = (question: string, answer: string): string =>
  JSON.stringify({
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ],
  });
const parse = (text: string): ReturnType<typeof parseDataset> => parseDataset(Buffer.from(text), 'birds.jsonl');

test('equal rows have equal hashes: escapes, white space and order of keys play no part', () => {
  const plain = parse(`${row('Wie heißt du?', 'Möwe')}\n`);
  const escaped = parse(
    '{"messages":[{"content":"Wie hei\\u00dft du?","role":"user"},\n'.trim() +
      ' {"role": "assistant",   "content": "M\\u00f6we"}]}',
  );
  expect(escaped).toEqual(plain);
  // What `json.dumps(row, ensure_ascii=False)` and a newline come to.
  expect(plain.sha256).toBe(
    sha256('{"messages": [{"role": "user", "content": "Wie heißt du?"}, {"role": "assistant", "content": "Möwe"}]}\n'),
  );
});

test('reads gzip by its content, whatever the name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'datasets-'));
  const text = `${row('a', 'b')}\n${row('c', 'd')}\n`;
  writeFileSync(join(folder, 'plain.jsonl'), text);
  writeFileSync(join(folder, 'packed.jsonl'), gzipSync(text));
  expect(await readDataset(join(folder, 'packed.jsonl'))).toEqual(await readDataset(join(folder, 'plain.jsonl')));
});

test.each([
  ['a broken line', `${row('a', 'b')}\n\n{"messages": [`, /^birds\.jsonl:3: not JSON/],
  ['no messages', '{"text": "x"}', /^birds\.jsonl:1: expected the key `messages`/],
  ['another key', '{"messages": [], "id": 3}', /:1: a row has `messages` only, not `id`; .*`fields: ignore`/],
  ['a row without a user turn', '{"messages": [{"role": "assistant", "content": "x"}]}', /:1: .*`no_user: allow`/],
  ['a preference pair', '{"prompt": [], "chosen": [], "rejected": []}', /:1: a preference pair: .*`chosen` answer/],
  [
    'weighted parts',
    '{"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "weight": 0}]}]}',
    /:1: turn 1: the text has weights, .*without weights/,
  ],
  [
    'parts without weights',
    '{"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}',
    /:1: turn 1: `content` must be a text, not a list of parts/,
  ],
  ['a pointer of Git LFS', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', /a pointer of Git LFS/],
  [
    'a weighted turn',
    '{"messages": [{"role": "user", "content": "x", "weight": 0}]}',
    /:1: turn 1: the text has weights/,
  ],
  ['an unknown role', '{"messages": [{"role": "bot", "content": "x"}]}', /turn 1: `role` must be/],
  ['a content that is no text', '{"messages": [{"role": "user", "content": 3}]}', /turn 1: `content` must be a text/],
  ['an empty content', `${row('a', 'b')}\n${row('', 'b')}`, /:2: turn 1: `content` is empty/],
  ['an answer of blanks', row('a', ' \n'), /:1: turn 2: the answer is nothing but blanks/],
  ['half of a surrogate pair', row('a', 'b \ud83e'), /:1: turn 2: `content` has half a character/],
  [
    'a key that stands twice',
    `${row('a', 'b')}\n{"messages": [{"role": "user", "content": "x", "content": "y"}]}`,
    /:2: the key "content" stands twice in an object/,
  ],
  ['no answer', '{"messages": [{"role": "user", "content": "x"}]}', /ends with the assistant turn/],
  ['nothing at all', '\n \n', /^birds\.jsonl: the dataset is empty/],
])('refuses %s, with the line', (_, text, message) => {
  expect(() => parse(text)).toThrow(message);
});

const LABELLED =
  '{"label": "tasks", "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "answer": 5}';

test('further keys are left out or kept; the rows and their hash are the same', () => {
  const read = (fields: 'ignore' | 'keep'): ReturnType<typeof parse> =>
    parseDataset(Buffer.from(LABELLED), 'birds.jsonl', { fields });
  expect(read('ignore')).toEqual(parse(row('a', 'b')));
  expect(read('keep').sha256).toBe(parse(row('a', 'b')).sha256);
  expect(read('keep').rows[0]?.fields).toEqual({ label: 'tasks', answer: 5 });
});

test('rows without a user turn are rows where that is allowed', () => {
  const text =
    '{"messages": [{"role": "assistant", "content": "x"}]}\n' +
    '{"messages": [{"role": "system", "content": "s"}, {"role": "assistant", "content": "y"}]}\n';
  expect(parseDataset(Buffer.from(text), 'birds.jsonl', { noUser: true }).rows.map(({ line }) => line)).toEqual(
    text.trim().split('\n'),
  );
});

test('refuses bytes that are no text, and damaged gzip', () => {
  expect(() => parseDataset(Buffer.from([0x7b, 0xff, 0xfe]), 'x')).toThrow(/not UTF-8/);
  const folder = mkdtempSync(join(tmpdir(), 'datasets-'));
  const path = join(folder, 'cut.gz');
  writeFileSync(path, gzipSync(row('a', 'b'.repeat(500))).subarray(0, 40));
  return expect(readDataset(path)).rejects.toThrow(/cut\.gz: damaged gzip file/);
});

test('a missing file is named', () =>
  expect(readDataset('/nowhere/birds.jsonl')).rejects.toThrow('/nowhere/birds.jsonl: no such file'));
