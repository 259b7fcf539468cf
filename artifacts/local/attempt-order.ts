/**
 * In which order the attempts at a piece of work were begun: a file beside their folders has their names, one a line, from the second
 * attempt on. The first one is the one that is not in it; most work is done by it, and needs no such file. The folders' own
 * times do not tell: they tie within a tick of the clock, and some file systems do not keep them.
 *
 * The name is written before the folder is made, so that no later folder is without. Attempts are begun under the work's
 * lease, one at a time.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { privateFolder } from '../private-files';
import { appendLine, modesIn, namesIn, readIfPresent, sizeOf } from './files';

/** Makes the attempt's folder; one that is there keeps its place in the order. `begun`: the file of names. */
export async function beginAttempt(root: string, folder: string, begun: string): Promise<void> {
  if ((await sizeOf(root, folder)) !== null) return;
  if ((await namesIn(root, dirname(folder))).length > 0) await appendLine(root, begun, basename(folder));
  await privateFolder(folder, modesIn(root).folder);
}

/** `names` of folders in `parent`, oldest first. Those that are not in the file come first, by birth: of older stores all of them. */
export async function inOrderOfBeginning(
  root: string,
  parent: string,
  names: readonly string[],
  begun: string,
): Promise<string[]> {
  if (names.length < 2) return [...names];
  const lines = ((await readIfPresent(root, begun)) ?? '').split('\n');
  const unlisted = names.filter((name) => !lines.includes(name));
  const dated = await Promise.all(
    unlisted.map(async (name) => ({ name, born: (await stat(join(parent, name))).birthtimeMs })),
  );
  dated.sort((a, b) => a.born - b.born || (a.name < b.name ? -1 : 1));
  return [
    ...dated.map(({ name }) => name),
    ...names.filter((name) => lines.includes(name)).sort((a, b) => lines.indexOf(a) - lines.indexOf(b)),
  ];
}
