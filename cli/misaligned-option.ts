/**
 * `--misaligned FILE` of the commands that read tables.
 */
import { UnreadableInput } from '../inputs/files';
import { readMisalignedFile, type MisalignedFile } from '../inputs/misaligned-file';
import { visible } from '../report/page/visible';
import { InvalidUse } from './errors';

/** Throws `InvalidUse` that shows what is wrong, at its place in the file. */
export async function misalignedFrom(path: string): Promise<MisalignedFile> {
  try {
    return await readMisalignedFile(path);
  } catch (error) {
    throw error instanceof UnreadableInput ? asInvalidUse(error) : error;
  }
}

/** A message of several lines, with the file's own. */
export function asInvalidUse({ message }: UnreadableInput): InvalidUse {
  return new InvalidUse(visible(message));
}
