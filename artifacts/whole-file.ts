/**
 * Files that people read, outside the store: written whole or not at all, so that a reader never sees half of one. They
 * can be made again from the store, so they are not flushed to the disk. What the store itself keeps is local/files.ts.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Creates or replaces `path`, and makes its folder if absent. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, path);
}
