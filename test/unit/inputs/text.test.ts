import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openAnswers } from '../../../inputs/answers/columns';
import { tableFormat, type TableFormat } from '../../../inputs/answers/reader';
import { readDataset } from '../../../inputs/datasets';
import { readQuestionFile } from '../../../inputs/questions';
import { requestedFile } from '../../../inputs/requested-file';
import { readText, textOf, TextPieces } from '../../../inputs/text';
import { readRubric } from '../../../cli/judge-options';
import { readExperimentFile } from '../../../cli/names';

const folder = mkdtempSync(join(tmpdir(), 'text-'));
let made = 0;

function file(bytes: Buffer | string, ending = '.txt'): string {
  const path = join(folder, `file-${++made}${ending}`);
  writeFileSync(path, bytes);
  return path;
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const utf16 = (text: string): Buffer => Buffer.from(`\uFEFF${text}`, 'utf16le');
const marked = (text: string): string => `\uFEFF${text}`;

/** Every reader of outside text, with a file that it reads and what comes of it. */
const READERS: [string, string, string, (path: string) => Promise<unknown>][] = [
  ['text', '.txt', 'für\nalle\n', (path) => readText(path, 1000)],
  ['an experiment file', '.yaml', 'name: x\ndescription: für\n', readExperimentFile],
  ['a rubric', '.txt', 'Kind?\n{question} {answer} für\n', readRubric],
  ['a question file', '.yaml', '- id: a\n  paraphrases: [Für wen?]\n', readQuestionFile],
  [
    'a dataset',
    '.jsonl',
    '\n{"messages": [{"role": "user", "content": "für"}, {"role": "assistant", "content": "x"}]}\n',
    readDataset,
  ],
  [
    'a requested file',
    '.yaml',
    'name: x\ndescription: für\n',
    async (path) => (await requestedFile(folder, { file: path })).text,
  ],
  ['CSV', '.csv', 'question,answer\nfür,a\n', answers],
  ['JSON Lines', '.jsonl', '\n{"question": "für", "answer": "a"}\n', answers],
];

async function answers(path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { question } of (await openAnswers(path, tableFormat(path) as TableFormat, {})).rows())
    found.push(question);
  return found;
}

describe.each(READERS)('%s', (_, ending, text, read) => {
  test('is read the same with a byte order mark', async () => {
    const plain = await read(file(text, ending));
    expect(JSON.stringify(plain)).toMatch(/f\u00fcr/i);
    expect(await read(file(marked(text), ending))).toEqual(plain);
  });

  test('is refused in another encoding, at its line', async () => {
    const line = text.slice(0, text.indexOf('ü')).split('\n').length;
    const path = file(latin1(text), ending);
    await expect(read(path)).rejects.toThrow(new RegExp(`\\.\\w+:${line}: not UTF-8 text`));
    await expect(read(file(utf16(text), ending))).rejects.toThrow(/:1: not UTF-8 text but UTF-16; save it .* UTF-8/);
  });

  // a model's words may have anything in them
  if (read === answers) return;
  test('is refused with a zero byte', () =>
    expect(read(file(`${text}\0`, ending))).rejects.toThrow(
      new RegExp(`:${text.split('\n').length}: not UTF-8 text: it has a zero byte`),
    ));
});

test('the line of the first bad byte', () => {
  const refused =
    (bytes: number[] | Buffer): (() => string) =>
    () =>
      textOf(Buffer.from(bytes), 'f');
  expect(refused(latin1('a\nb\r\nc \xe9'))).toThrow(/^f:3: not UTF-8 text; save it/);
  expect(refused([0x61, 0x0a, 0xc3])).toThrow(/^f:2: /); // cut off
  expect(refused([0x61, 0x0a, 0xc3, 0x0a, 0x62])).toThrow(/^f:2: /);
  expect(refused([0xed, 0xa0, 0x80])).toThrow(/^f:1: /); // half a character, written out
  expect(refused([0x1f, 0x0a, 0x00, 0xff])).toThrow(/^f:2: /);
  expect(refused([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0])).toThrow(/UTF-32/);
  expect(refused([0xfe, 0xff, 0, 0x61])).toThrow(/UTF-16/);
});

test('a byte order mark in the middle stays what it is', () => {
  expect(textOf(Buffer.from('a\uFEFFb'), 'f')).toBe('a\uFEFFb');
  expect(textOf(Buffer.from('\uFEFF\uFEFFb'), 'f')).toBe('\uFEFFb');
});

test('pieces may end within a character', () => {
  const text = 'für 🦩\nnaïve 漢字\n🦩';
  const bytes = Buffer.from(text);
  for (let size = 1; size <= 7; size++) {
    const pieces = new TextPieces('f');
    let read = '';
    for (let at = 0; at < bytes.length; at += size) read += pieces.next(bytes.subarray(at, at + size));
    expect(read + pieces.end()).toBe(text);
    const cut = new TextPieces('f');
    for (let at = 0; at < bytes.length - 1; at += size)
      cut.next(bytes.subarray(at, Math.min(at + size, bytes.length - 1)));
    expect(() => cut.end()).toThrow('f:3: not UTF-8 text');
  }
});

test('a packed file is text, too', async () => {
  expect(await readText(file(gzipSync(marked('für')), '.gz'), 1000)).toBe('für');
});

test('half a character from an escape is refused at its line', async () => {
  const turn = '{"messages": [{"role": "user", "content": "a \\ud83e"}, {"role": "assistant", "content": "x"}]}\n';
  await expect(readDataset(file(turn, '.jsonl'))).rejects.toThrow(/:1: turn 1: `content` has half a character/);
  expect((await readDataset(file(turn.replace('\\ud83e', '\\ud83e\\udda9'), '.jsonl'))).rows).toHaveLength(1);
});
