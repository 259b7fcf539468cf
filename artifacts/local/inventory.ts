/** What lies in a store in a folder. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from '../hash-file';
import type { Inventory, StoredFile } from '../inventory';

import { contentOf, removeExclusive } from './create-exclusive';

/** Links to files that are counted where they lie. */
const LINKS = 'checked-out';

/** `pathOf` refuses what would leave the store. */
export function localInventory(root: string, pathOf: (uri: string) => string): Inventory {
  return {
    files: () => filesIn(root, []),
    read: (uri) => ifThere(readFile(contentOf(pathOf(uri)))),
    hash: (uri) =>
      ifThere(
        (async () => {
          const path = contentOf(pathOf(uri));
          return { sha256: await hashFile(path), bytes: (await stat(path)).size };
        })(),
      ),
    remove: (uris) => {
      for (const uri of uris) removeExclusive(pathOf(uri));
      return Promise.resolve();
    },
  };
}

async function* filesIn(root: string, inside: string[]): AsyncGenerator<StoredFile> {
  const entries = await readdir(join(root, ...inside), { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const parts = [...inside, entry.name];
    const path = join(root, ...parts);
    const content = contentOf(path);
    if (entry.isDirectory() && content === path) {
      if (inside.length > 0 || entry.name !== LINKS) yield* filesIn(root, parts);
      continue;
    }
    const about = await stat(content).catch(() => null);
    if (about?.isFile() === true) yield { uri: parts.join('/'), bytes: about.size, written: about.mtimeMs };
  }
}

async function ifThere<T>(result: Promise<T>): Promise<T | null> {
  try {
    return await result;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return null;
  }
}
