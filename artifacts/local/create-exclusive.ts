/**
 * Puts a finished file where nothing is yet: whole, once, and never in the place of another. Of several processes that do so
 * at the same moment, on whatever hosts, one is told that it was the one.
 *
 * link(2) does this. Where the file system has no hard links (exFAT, BeeGFS, many FUSE and SMB mounts), a *folder* with the
 * one file in it takes the place: rename(2) of a folder never replaces a file or a folder that holds something, and what is
 * renamed is there as a whole, whenever the process or the machine dies. So a file that was created in this way is either
 * a file or such a folder, in one store even both kinds; the functions here read, replace and remove either.
 */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';

/** What a file's content is called in the folder that stands for it. */
const CONTENT = 'content';

/** What link(2) says where it is not to be had: no such operation, no hard links here, too many of them, another mount. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']);
/** What rename(2) of a folder says where something stands. */
const TAKEN = new Set(['ENOTEMPTY', 'EEXIST', 'ENOTDIR']);

export type Way = 'links' | 'folders';

/**
 * False when something stood at `path`. `from`, a finished file or a folder that stands for one, stays where it is.
 */
export function createExclusive(from: string, path: string): boolean {
  return attempt(from, path) !== null;
}

/** How files are created exclusively in this folder, tried out. Throws what the system says where neither way works. */
export function wayIn(folder: string): Way {
  const probe = join(folder, `.exclusive-${randomUUID()}`);
  const place = `${probe}-place`;
  try {
    closeSync(openSync(probe, 'wx'));
    const way = attempt(probe, place);
    if (way === null || attempt(probe, place) !== null) {
      throw new Error('of two that create the same file, not exactly one is told that it was the first');
    }
    return way;
  } finally {
    rmSync(probe, { force: true });
    rmSync(place, { force: true, recursive: true });
  }
}

/** Null when something stood there. */
function attempt(from: string, path: string): Way | null {
  try {
    linkSync(from, path);
    return 'links';
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return null;
    if (!NO_LINKS.has(code)) throw error;
  }
  // beside the place: a rename does not leave its file system
  const staged = `${path}.${randomUUID()}`;
  try {
    // whoever may read the file may look into the folder that stands for it
    const { mode } = statSync(contentOf(from));
    mkdirSync(staged, { mode: mode | ((mode & 0o444) >> 2) });
    copyFileSync(contentOf(from), join(staged, CONTENT), constants.COPYFILE_EXCL);
    for (const each of [join(staged, CONTENT), staged]) sync(each);
    renameSync(staged, path);
    return 'folders';
  } catch (error) {
    if (TAKEN.has(codeOf(error))) return null;
    throw error;
  } finally {
    rmSync(staged, { force: true, recursive: true });
  }
}

/** The path of the bytes themselves, whichever way the file was created; `path` also where nothing is. */
export function contentOf(path: string): string {
  try {
    closeSync(openSync(join(path, CONTENT), 'r'));
    return join(path, CONTENT);
  } catch (error) {
    if (!['ENOTDIR', 'ENOENT'].includes(codeOf(error))) throw error;
    return path;
  }
}

/** Throws ENOENT when there is nothing. */
export function readExclusive(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'EISDIR') throw error;
    return readFileSync(join(path, CONTENT), 'utf8');
  }
}

/** Puts a finished file in the place of one that was created, or of nothing. */
export function replaceExclusive(from: string, path: string): void {
  for (let round = 1; ; round++) {
    try {
      return renameSync(from, contentOf(path));
    } catch (error) {
      // created or removed by somebody else since it was looked at, as nobody does again and again
      if (round === 10 || !['EISDIR', 'ENOENT', 'ENOTDIR'].includes(codeOf(error))) throw error;
    }
  }
}

/** Removes it in one step, so that nobody finds half of it; nothing happens where it is gone already. */
export function removeExclusive(path: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  rmSync(aside, { force: true, recursive: true });
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
