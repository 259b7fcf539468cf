/**
 * `-o OUT`: whether a command can write its file there, found out before the work.
 */
import type { Stats } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { reason } from '../inputs/files';
import { InvalidUse } from './errors';

/** `input`: the file that is read, which is never written over, by whatever name. Throws `InvalidUse`. */
export async function checkPlace(input: string, out: string): Promise<void> {
  const refused = (why: string): InvalidUse => new InvalidUse(`-o ${out}: ${why}`);
  const folder = dirname(resolve(out));
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT' ? 'no such folder' : code === 'EACCES' ? 'no permission to write there' : reason(error);
    throw refused(`${folder}: ${why}`);
  }
  const there = await placeOf(out, refused);
  if (there === null) return;
  const own = await stat(input).catch(() => null);
  if (resolve(out) === resolve(input) || (own !== null && own.dev === there.dev && own.ino === there.ino)) {
    throw refused('that is the file with the answers');
  }
  if (there.isDirectory()) throw refused('this is a folder, not a file');
  if (!there.isFile()) throw refused('this is a device or a pipe, which can not be replaced; name a file');
}

/** What stands at a path; null for nothing. */
async function placeOf(path: string, refused: (why: string) => InvalidUse): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw refused(code === 'ENAMETOOLONG' ? 'the name is too long for this file system' : reason(error));
  }
}

/** What a command says of a file that it did not write. */
export function holdsSomethingElse(out: string): InvalidUse {
  return new InvalidUse(`-o ${out}: it exists and holds something else; name another file, or --force replaces it`);
}
