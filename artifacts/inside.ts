/**
 * Whether a path lies in a folder: one rule for the store's references, for the files that clients name, and for the folders
 * that results are written to.
 */
import { lstat, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

/** By their names alone; both absolute. A folder lies in itself. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/**
 * Where a path really is, when that lies in the folder; else null. Symbolic links are followed, in the folder's own path,
 * too. `path` is absolute or relative to the folder, and need not exist: what is missing lies in what exists above it.
 */
export async function realPathInside(folder: string, path: string): Promise<string | null> {
  try {
    const place = await placeOf(resolve(folder, path));
    return isInside(await placeOf(resolve(folder)), place) ? place : null;
  } catch {
    return null; // what can not be followed, such as a circle of links, is nowhere
  }
}

async function placeOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
  }
  const parent = await placeOf(dirname(path));
  const place = join(parent, basename(path));
  // a link to what is not there yet: whoever writes to it writes there
  const link = (await lstat(place).catch(() => null))?.isSymbolicLink() ?? false;
  return link ? placeOf(resolve(parent, await readlink(place))) : place;
}
