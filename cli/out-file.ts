/**
 * `-o OUT`: whether a command can write its file there, found out before the work.
 */
import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { reason } from '../inputs/files';
import { InvalidUse } from './errors';

/** `input`: the file that is read, which is never written over. Throws `InvalidUse`. */
export async function checkPlace(input: string, out: string): Promise<void> {
  if (resolve(out) === resolve(input)) throw new InvalidUse(`-o ${out}: that is the file with the answers`);
  const folder = dirname(resolve(out));
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new InvalidUse(
      `-o ${out}: ${folder}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such folder' : reason(error)}`,
    );
  }
  const there = await stat(out).catch(() => null);
  if (there?.isDirectory() === true) throw new InvalidUse(`-o ${out}: this is a folder, not a file`);
}
