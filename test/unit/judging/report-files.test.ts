/** The report's files in the results folder: what an earlier report had and this one has not is gone, nothing else. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesOfLastReport, removeStale, writeWhole } from '../../../activities/report-files';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'report-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function write(...paths: string[]): Promise<void> {
  const before = await filesOfLastReport(folder);
  const files = paths.map((path) => ({ path, content: 'text' }));
  files.push({ path: 'provenance.json', content: JSON.stringify({ files: [...paths, 'provenance.json'] }) });
  for (const { path, content } of files) await writeWhole(join(folder, path), content);
  await removeStale(folder, before, files);
}

test('tables and figures of a larger report are deleted by the smaller one, a person’s own files are not', async () => {
  await write('cells.csv', 'agreement.csv', 'figures/one.svg', 'figures/two.svg');
  writeFileSync(join(folder, 'notes.csv'), 'mine');
  writeFileSync(join(folder, 'figures', 'mine.svg'), 'mine');
  await write('cells.csv', 'figures/one.svg');
  expect(readdirSync(folder).sort()).toEqual(['cells.csv', 'figures', 'notes.csv', 'provenance.json']);
  expect(readdirSync(join(folder, 'figures')).sort()).toEqual(['mine.svg', 'one.svg']);
});

test.each([
  ['a path out of the folder', '{"files":["../kept.csv","/tmp/kept.csv"]}'],
  ['no list', '{"version":1}'],
  ['half a file', '{"files":["cel'],
])('%s in the old provenance deletes nothing', async (_, text) => {
  const inner = join(folder, 'results');
  await writeWhole(join(inner, 'provenance.json'), text);
  writeFileSync(join(folder, 'kept.csv'), 'mine');
  expect(await filesOfLastReport(inner)).toEqual([]);
  await removeStale(inner, await filesOfLastReport(inner), []);
  expect(existsSync(join(folder, 'kept.csv'))).toBe(true);
});
