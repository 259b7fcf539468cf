/**
 * Files that people read, outside the store: written whole or not at all, so that a reader never sees half of one. They
 * can be made again from the store, so they are not flushed to the disk. What the store itself keeps is local/files.ts.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Creates or replaces `path`, and makes its folder if absent. An iterable's pieces are written one after the other. */
export async function writeWhole(path: string, content: string | Uint8Array | Iterable<string>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryBeside(path);
  try {
    await writeFile(temporary, content, { flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** A name for what becomes `path` when it is whole: short, because a name that adds to `path`'s own may be too long. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.flamingo-${randomBytes(6).toString('hex')}.tmp`);
}
