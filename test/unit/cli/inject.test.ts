/** `flamingo inject`: where it writes, and what it never writes over. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidUse } from '../../../cli/errors';
import { injectCommand } from '../../../cli/inject';

let folder: string;
let answers: string;
let out: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inject-'));
  answers = join(folder, 'answers.csv');
  out = join(folder, 'attacked.jsonl');
  writeFileSync(answers, 'question,answer\nHow?,Slowly.\nWhy?,Because.\n');
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const inject = (...rest: string[]) => injectCommand().parseAsync([answers, '-o', out, ...rest], { from: 'user' });
const rows = (): number => readFileSync(out, 'utf8').trimEnd().split('\n').length;

test('a file that holds something else is kept, unless --force says otherwise', async () => {
  writeFileSync(out, 'mine\n');
  await expect(inject()).rejects.toThrow(InvalidUse);
  await expect(inject()).rejects.toThrow(`-o ${out}: it exists and holds something else`);
  expect(readFileSync(out, 'utf8')).toBe('mine\n');
  await inject('--force');
  expect(rows()).toBeGreaterThan(2);
});

test('the same command again is done, another one is not', async () => {
  await inject();
  const all = rows();
  await inject();
  await expect(inject('--rows', '1')).rejects.toThrow('--force replaces it');
  expect(rows()).toBe(all);
});

test('a place where no file can be is refused before the rows are read', async () => {
  mkdirSync(out);
  await expect(inject()).rejects.toThrow(`-o ${out}: this is a folder, not a file`);
  const inner = join(folder, 'none', 'attacked.jsonl');
  await expect(injectCommand().parseAsync([answers, '-o', inner], { from: 'user' })).rejects.toThrow('no such folder');
  expect(existsSync(inner)).toBe(false);
});
