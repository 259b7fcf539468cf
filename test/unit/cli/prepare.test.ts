/** What `plan` and `run` say of a file that is valid, but doubtful. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from '../../../cli/prepare';
import { rowsText } from '../../../experiment/expand/dataset';
import { birds, SMALL, weatherFile } from '../experiment/samples';

let folder: string;
const before = process.env['FLAMINGO_HOME'];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prepare-'));
  process.env['FLAMINGO_HOME'] = join(folder, 'data');
  writeFileSync(join(folder, 'birds.jsonl'), rowsText(birds().rows));
  writeFileSync(join(folder, 'weather.yaml'), weatherFile());
});
afterEach(() => {
  if (before === undefined) delete process.env['FLAMINGO_HOME'];
  else process.env['FLAMINGO_HOME'] = before;
  rmSync(folder, { recursive: true, force: true });
});

/** Lines that name the file. */
async function said(text: string): Promise<string[]> {
  const file = join(folder, 'small.yaml');
  writeFileSync(file, text);
  const lines: string[] = [];
  await prepare(file, {}, { offline: true, say: (line) => lines.push(line) });
  return lines.filter((line) => line.includes('small.yaml'));
}

test('warnings are said once, with file, line and column', async () => {
  const lines = await said(`${SMALL}judge: { model: claude-unheard-of }\n`);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/small\.yaml:\d+:\d+/);
  expect(lines[0]).toContain('nothing is known of the model `claude-unheard-of`');
});

test('a file without any doubt is prepared in silence', async () => {
  expect(await said(SMALL)).toEqual([]);
});

test('in the JSON the main judge has no name, and the estimate is the one that is shown', async () => {
  const file = join(folder, 'small.yaml');
  writeFileSync(file, `${SMALL}judges: { newer: { model: claude-haiku-5-5 } }\n`);
  const { json, estimate } = await prepare(file, {}, { offline: true, say: () => undefined });
  expect(estimate?.judges.map(({ judge }) => judge)).toEqual(['judge', 'newer']);
  expect(json.estimate).toEqual({
    ...estimate,
    judges: estimate?.judges.map((cost, index) => ({ ...cost, judge: index === 0 ? null : 'newer' })),
  });
});
