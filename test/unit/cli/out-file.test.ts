/** `-o OUT`: places where nothing can be written are found before any work. */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidUse } from '../../../cli/errors';
import { checkPlace } from '../../../cli/out-file';

let folder: string;
let input: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-out-'));
  input = join(folder, 'answers.csv');
  writeFileSync(input, 'question,answer\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a new name, one as long as names can be, and a file that stands', async () => {
  writeFileSync(join(folder, 'old.csv'), '');
  for (const name of ['new.csv', `${'n'.repeat(251)}.csv`, 'old.csv']) await checkPlace(input, join(folder, name));
});

test.each([
  ['the input', 'answers.csv', /that is the file with the answers/],
  ['a link to the input', 'link.csv', /that is the file with the answers/],
  ['another name of the input', 'hard.csv', /that is the file with the answers/],
  ['a folder', 'folder.csv', /this is a folder/],
  ['a pipe', 'pipe.csv', /a device or a pipe/],
  ['a folder that is not there', 'no/out.csv', /no: no such folder/],
  ['a file as folder', 'answers.csv/out.csv', /answers\.csv: /],
  ['a name that is too long', `${'n'.repeat(252)}.csv`, /the name is too long/],
  ['a name that is too long in bytes', `${'é'.repeat(126)}.csv`, /the name is too long/],
])('%s is refused', async (_what, name, message) => {
  symlinkSync(input, join(folder, 'link.csv'));
  linkSync(input, join(folder, 'hard.csv'));
  mkdirSync(join(folder, 'folder.csv'));
  execFileSync('mkfifo', [join(folder, 'pipe.csv')]);
  const checked = checkPlace(input, join(folder, name));
  await expect(checked).rejects.toThrow(InvalidUse);
  await expect(checked).rejects.toThrow(message);
});
