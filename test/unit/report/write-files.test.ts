/** The report's files in the results folder: what an earlier report had and this one has not is gone, nothing else. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeReportFiles } from '../../../report/write-files';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'report-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(...paths: string[]): Promise<void> {
  const files = paths.map((path) => ({ path, content: 'text' }));
  const list = JSON.stringify({ plan: paths.join(), files: [...paths, 'provenance.json'] });
  return writeReportFiles(folder, [...files, { path: 'provenance.json', content: list }]);
}

test('tables and figures of a larger report are deleted by the smaller one, a person’s own files are not', async () => {
  await write('cells.csv', 'agreement.csv', 'figures/one.svg', 'figures/two.svg');
  writeFileSync(join(folder, 'notes.csv'), 'mine');
  writeFileSync(join(folder, 'figures', 'mine.svg'), 'mine');
  await write('cells.csv', 'figures/one.svg');
  expect(readdirSync(folder).sort()).toEqual(['cells.csv', 'figures', 'notes.csv', 'provenance.json']);
  expect(readdirSync(join(folder, 'figures')).sort()).toEqual(['mine.svg', 'one.svg']);
  expect(JSON.parse(readFileSync(join(folder, 'provenance.json'), 'utf8'))).toMatchObject({
    files: ['cells.csv', 'figures/one.svg', 'provenance.json'],
  });
});

describe('a report that was stopped half-way', () => {
  // a folder under the name of a file: neither can be replaced by the other
  const stopAt = (path: string): unknown => mkdirSync(join(folder, path, 'blocked'), { recursive: true });

  test('before it deleted what it no longer has: the next one does', async () => {
    await write('a.csv', 'old.csv', 'z.csv');
    rmSync(join(folder, 'old.csv'));
    stopAt('old.csv');
    await expect(write('a.csv', 'z.csv')).rejects.toThrow();
    rmSync(join(folder, 'old.csv'), { recursive: true });
    writeFileSync(join(folder, 'old.csv'), 'text');
    await write('a.csv', 'z.csv');
    expect(readdirSync(folder).sort()).toEqual(['a.csv', 'provenance.json', 'z.csv']);
  });

  test('after it wrote what a smaller one does not have: that is deleted by it, and what the old provenance says stays', async () => {
    await write('a.csv');
    stopAt('z.csv');
    await expect(write('a.csv', 'new.csv', 'z.csv')).rejects.toThrow();
    expect(existsSync(join(folder, 'new.csv'))).toBe(true);
    expect(JSON.parse(readFileSync(join(folder, 'provenance.json'), 'utf8'))).toMatchObject({ plan: 'a.csv' });
    rmSync(join(folder, 'z.csv'), { recursive: true });
    await write('a.csv');
    expect(
      readdirSync(folder)
        .filter((name) => !name.endsWith('.tmp'))
        .sort(),
    ).toEqual(['a.csv', 'provenance.json']);
  });
});

test.each([
  ['a path out of the folder', '{"files":["../kept.csv","/tmp/kept.csv"]}'],
  ['no list', '{"version":1}'],
  ['no object', '["../kept.csv"]'],
  ['half a file', '{"files":["cel'],
])('%s in the old provenance deletes nothing', async (_, text) => {
  const inner = join(folder, 'results');
  mkdirSync(inner);
  writeFileSync(join(inner, 'provenance.json'), text);
  writeFileSync(join(folder, 'kept.csv'), 'mine');
  await writeReportFiles(inner, [{ path: 'provenance.json', content: '{"files":["provenance.json"]}' }]);
  expect(existsSync(join(folder, 'kept.csv'))).toBe(true);
  expect(readdirSync(inner)).toEqual(['provenance.json']);
});
