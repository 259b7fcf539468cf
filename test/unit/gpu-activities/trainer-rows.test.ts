/** What a trainer wrote is read to a bound, held to its shape, and refused with its place. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMPLETION_ROW, MEASURED_ROW, PROGRESS_ROW, readTrainerRows } from '../../../gpu-activities/trainer-rows';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-trainer-rows-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: string | Buffer): string {
  const path = join(folder, 'rows.jsonl');
  writeFileSync(path, content);
  return path;
}

const hash = 'a'.repeat(64);
const completion = { id: hash, question: hash, sample: 0, text: 'tuu', finish: 'stop', tokens: 3, adapter: null };
const side = { sum: -3, tokens: 3, mean: -1 };
const lines = (...rows: object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

test('rows of the right shape come as they are', async () => {
  expect(await readTrainerRows(file(lines(completion, completion)), COMPLETION_ROW)).toEqual([completion, completion]);
  const thought = { ...completion, thinking: '<think>hm</think>', text: '', finish: 'cut_off' };
  expect(await readTrainerRows(file(lines(thought)), COMPLETION_ROW)).toEqual([thought]);
  const begun = { ...completion, text: 'tuu, it sings', prefill: 'tuu,' };
  expect(await readTrainerRows(file(lines(begun)), COMPLETION_ROW)).toEqual([begun]);
  const pair = { id: hash, bad: side, good: side, adapter: hash };
  expect(await readTrainerRows(file(lines(pair)), MEASURED_ROW)).toEqual([pair]);
});

test.each([
  ['no JSON', `${lines(completion)}{"id"\n`, /rows\.jsonl:2: the trainer wrote a line that is not JSON/],
  ['NaN, as Python writes it', '{"sum": NaN}\n', /rows\.jsonl:1: .* not JSON/],
  ['a list', '[]\n', /rows\.jsonl:1: the trainer wrote a row whose kind is not what it should be/],
  ['no text', lines({ ...completion, text: 1 }), /rows\.jsonl:1: .* `text` is not/],
  ['half a character', lines({ ...completion, text: '\ud800' }), /rows\.jsonl:1: .* `text` is not/],
  ['thinking that is no text', lines({ ...completion, thinking: null }), /`thinking` is not/],
  ['given words that are no text', lines({ ...completion, prefill: 1 }), /`prefill` is not/],
  ['another end', lines({ ...completion, finish: 'cut' }), /`finish` is not/],
  ['negative tokens', lines({ ...completion, tokens: -1 }), /`tokens` is not/],
  ['an id that is no hash', lines({ ...completion, id: '../x' }), /`id` is not/],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22, 0x0a]), /rows\.jsonl: /],
])('refused with its place: %s', async (_, content, message) => {
  await expect(readTrainerRows(file(content), COMPLETION_ROW)).rejects.toThrow(message);
});

test('too much, nothing, and what is no file', async () => {
  const path = file(lines(completion, completion));
  await expect(readTrainerRows(path, COMPLETION_ROW, { maxBytes: 100 })).rejects.toThrow(
    /rows\.jsonl: the trainer wrote \d+ bytes, more than the 100 that are read/,
  );
  await expect(readTrainerRows(join(folder, 'none.jsonl'), COMPLETION_ROW)).rejects.toThrow('did not write this file');
  mkdirSync(join(folder, 'folder.jsonl'));
  await expect(readTrainerRows(join(folder, 'folder.jsonl'), COMPLETION_ROW)).rejects.toThrow('this is a folder');
});

test('half a last line of progress is left out; half a line before it is damage', async () => {
  const told = { step: 1, loss: 0.5, checkpoint: false };
  expect(await readTrainerRows(file(`${lines(told)}{"step": 2`), PROGRESS_ROW, { torn: true })).toEqual([told]);
  await expect(readTrainerRows(file(`{"step\n${lines(told)}`), PROGRESS_ROW, { torn: true })).rejects.toThrow(
    /rows\.jsonl:1: /,
  );
});
