import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeWhole } from '../../../artifacts/whole-file';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-whole-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('creates the folder and the file, replaces it, and leaves nothing beside it', async () => {
  const path = join(folder, 'deep', 'table.csv');
  await writeWhole(path, 'one\n');
  await writeWhole(path, Buffer.from('two\n'));
  expect(readFileSync(path, 'utf8')).toBe('two\n');
  expect(readdirSync(join(folder, 'deep'))).toEqual(['table.csv']);
});

test('a file that can not be written leaves what stood there', async () => {
  const path = join(folder, 'table.csv');
  await writeWhole(path, 'one\n');
  await expect(writeWhole(join(path, 'below-a-file.csv'), 'two\n')).rejects.toThrow(/ENOTDIR|EEXIST/);
  expect(readFileSync(path, 'utf8')).toBe('one\n');
});
