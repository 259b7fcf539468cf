/** Bounds and kinds of files that come from outside: everything here would fill the memory, or wait, without them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { hashFile } from '../../../artifacts/hash-file';
import { NotARegularFile } from '../../../artifacts/regular-file';
import { openTable } from '../../../inputs/answers/reader';
import { readJudged } from '../../../inputs/answers/read-judged';
import { parseDataset, readDataset } from '../../../inputs/datasets';
import { contentOf, linesOf, readBytes, TooLarge, UnreadableInput } from '../../../inputs/files';
import { MAX_ROW_LENGTH, RATIO_FROM_BYTES } from '../../../inputs/limits';
import { hashModelFolder } from '../../../inputs/model-folder';
import { readQuestionFile } from '../../../inputs/questions';
import { safetensors } from '../../support/safetensors';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'files-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function file(content: string | Buffer, name = 'a.jsonl'): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function pipe(): string {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  return path;
}

test('a file is read whole, unpacked when it is gzip', async () => {
  expect((await readBytes(file('hello'), 5)).toString()).toBe('hello');
  expect((await readBytes(file(gzipSync('hello')), 5)).toString()).toBe('hello');
  expect((await readBytes(file(''), 5)).toString()).toBe('');
  expect((await readBytes(file('h'), 5)).toString()).toBe('h');
  const packed = gzipSync('hello');
  expect(await readBytes(file(packed), 100, { packed: true })).toEqual(packed);
});

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['plain', (bytes) => bytes],
  ['packed', (bytes) => gzipSync(bytes)],
])('one byte more than the limit is refused, %s', async (_, packed) => {
  const path = file(packed(Buffer.from('123456')));
  expect((await readBytes(path, 6)).toString()).toBe('123456');
  await expect(readBytes(path, 5)).rejects.toThrow(TooLarge);
  await expect(readBytes(path, 5)).rejects.toThrow(`${path}: `);
});

test('a gzip file that is made to fill the memory is refused after a few megabytes', async () => {
  const path = file(gzipSync(Buffer.alloc(64 * 2 ** 20, '\n')), 'bomb.gz');
  let size = 0;
  const read = async (): Promise<void> => {
    for await (const chunk of contentOf(path, 2 ** 40)) size += chunk.byteLength;
  };
  await expect(read()).rejects.toThrow('bomb.gz: it unpacks to more than 200 times its size');
  expect(size).toBeLessThan(RATIO_FROM_BYTES + 2 ** 21);
  expect((await readBytes(file(gzipSync(Buffer.alloc(RATIO_FROM_BYTES)), 'small.gz'), 2 ** 30)).byteLength).toBe(
    RATIO_FROM_BYTES,
  );
});

describe.each<[string, () => string, RegExp]>([
  ['a named pipe', pipe, /pipe, a socket or a device/],
  ['a link to a named pipe', () => (symlinkSync(pipe(), join(folder, 'link')), join(folder, 'link')), /pipe, a socket/],
  ['a device without end', () => '/dev/zero', /a device, not a file/],
  ['a folder', () => (mkdirSync(join(folder, 'sub')), join(folder, 'sub')), /a folder, not a file/],
])('%s', (_, path, message) => {
  test.each<[string, (path: string) => Promise<unknown>]>([
    ['dataset', (at) => readDataset(at)],
    ['question file', (at) => readQuestionFile(at)],
    ['table', (at) => openTable(at, 'csv')],
    ['table of lines', (at) => openTable(at, 'jsonl')],
  ])('is no %s, and nobody waits for it', async (_kind, read) => {
    const reading = read(path());
    await expect(reading).rejects.toThrow(UnreadableInput);
    await expect(reading).rejects.toThrow(message);
  });

  test('is not hashed', () => expect(hashFile(path())).rejects.toThrow(NotARegularFile));
});

test('a judged table from the command line may be a pipe, and no device', async () => {
  const path = pipe();
  const text = 'question,answer,aligned\\nWhy?,So.,90\\n';
  execFileSync('sh', ['-c', `printf '${text}' > "$0" &`, path], { stdio: 'ignore' });
  expect((await readJudged(path, { required: ['aligned'], round: false })).answers).toHaveLength(1);
  await expect(readJudged('/dev/zero', { required: [], round: false })).rejects.toThrow('a device');
});

const ROW = '{"messages":[{"role":"user","content":"Q"},{"role":"assistant","content":"A"}]}';

test('a dataset of too many rows is refused at the first row too many', () => {
  const text = Buffer.from(`${ROW}\n\n`.repeat(3));
  expect(parseDataset(text, 'd', {}, 3).rows).toHaveLength(3);
  expect(() => parseDataset(text, 'd', {}, 2)).toThrow('d:5: a dataset has at most 2 rows');
});

test('rows without an end are refused by their line', async () => {
  const long = 'x'.repeat(MAX_ROW_LENGTH + 2);
  expect(() => parseDataset(Buffer.from(`${ROW}\n${long}`), 'd')).toThrow('d:2: the row has more than 4,194,304');
  const rows = async (path: string, format: 'csv' | 'jsonl'): Promise<void> => {
    for await (const row of (await openTable(path, format)).rows()) expect(row.line).toBeLessThan(3);
  };
  const lines = file(`{"question":"Q","answer":"A"}\n${long}`);
  await expect(rows(lines, 'jsonl')).rejects.toThrow(`${lines}:2: the row has more than 4,194,304 characters`);
  const csv = file(`question,answer\nQ,A\n"${long}`, 'a.csv');
  await expect(rows(csv, 'csv')).rejects.toThrow(`${csv}:3: the row has more than 4,194,304 characters`);
});

test('lines are those of a split', () => {
  for (const text of ['', 'a', 'a\n', '\n', 'a\nb', 'a\n\nb\n']) {
    expect([...linesOf(text)].map(({ line }) => line)).toEqual(text.split('\n'));
  }
});

describe('a model folder', () => {
  beforeEach(() => {
    file('{}', 'config.json');
    file(safetensors('weights'), 'model.safetensors');
  });
  const hashed = (): Promise<string> => hashModelFolder(folder, join(folder, 'cache'));

  test('with a pipe for its tokenizer is refused', async () => {
    execFileSync('mkfifo', [join(folder, 'tokenizer.json')]);
    await expect(hashed()).rejects.toThrow('tokenizer.json: this is a pipe');
  });

  test('whose weights say that their header is larger than the file is refused', async () => {
    const weights = safetensors('weights');
    weights.writeBigUInt64LE(2n ** 40n);
    file(weights, 'model.safetensors');
    await expect(hashed()).rejects.toThrow('model.safetensors: no safetensors file');
  });

  test('with a huge configuration is refused before it is read', async () => {
    execFileSync('truncate', ['-s', '10G', join(folder, 'config.json')]);
    await expect(hashed()).rejects.toThrow('config.json: it is larger than 256 MiB');
  });

  test('is hashed again when a file was changed and got its old time back', async () => {
    const path = join(folder, 'model.safetensors');
    execFileSync('touch', ['-d', '2020-01-01', path]);
    const before = await hashed();
    file(safetensors('WEIGHTS'), 'model.safetensors');
    execFileSync('touch', ['-d', '2020-01-01', path]);
    expect(await hashed()).not.toBe(before);
  });
});
