/** What lies in a store in a folder. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from '../hash-file';
import type { Inventory, StoredFile } from '../inventory';
import { openRegular } from '../regular-file';
import { ArtifactMissing } from '../store';
import { contentOf, removeExclusive } from './create-exclusive';
import { isAbsence, putVerified, refuseAway } from './files';

/** Links to files that are counted where they lie. */
const LINKS = 'checked-out';

/** `pathOf` refuses what would leave the store. */
export function localInventory(root: string, pathOf: (uri: string) => string): Inventory {
  return {
    files: async function* () {
      yield* filesIn(root, []);
      refuseAway(root); // the folder of a mount that is away is empty
    },
    read: (uri) => ifThere(root, () => readFile(contentOf(pathOf(uri)))),
    hash: (uri) =>
      ifThere(root, async () => {
        const path = contentOf(pathOf(uri));
        return { sha256: await hashFile(path), bytes: (await stat(path)).size };
      }),
    open: async function* (uri) {
      const file = await ifThere(root, () => openRegular(contentOf(pathOf(uri))));
      if (file === null) throw new ArtifactMissing(`${pathOf(uri)} is gone`);
      yield* file.createReadStream({ highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
    },
    put: (uri, bytes, content) => putVerified(root, pathOf(uri), bytes, content),
    remove: (uris) => {
      for (const uri of uris) removeExclusive(pathOf(uri));
      return Promise.resolve();
    },
  };
}

/** Throws what can not be looked at: what is passed over here counts as not there, and then as not in use. */
async function* filesIn(root: string, inside: string[]): AsyncGenerator<StoredFile> {
  const entries = (await ifThere(root, () => readdir(join(root, ...inside), { withFileTypes: true }))) ?? [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const parts = [...inside, entry.name];
    const path = join(root, ...parts);
    const content = contentOf(path);
    if (entry.isDirectory() && content === path) {
      if (inside.length > 0 || entry.name !== LINKS) yield* filesIn(root, parts);
      continue;
    }
    const about = await ifThere(root, () => stat(content));
    if (about?.isFile() === true) yield { uri: parts.join('/'), bytes: about.size, written: about.mtimeMs };
  }
}

/** Null for what was removed meanwhile. */
async function ifThere<T>(root: string, look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if (!isAbsence(error)) throw error;
    refuseAway(root);
    return null;
  }
}
