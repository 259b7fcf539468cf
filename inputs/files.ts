/**
 * Files that come from outside, read whole: unpacked when they are gzip, and refused in words when they can not be read.
 */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

const MAX_BYTES = 2 ** 30;

/** A file that can not be read as what it should be; the message starts with FILE or FILE:LINE. */
export class UnreadableInput extends Error {
  override name = 'UnreadableInput';
}

/** The whole file, unpacked when it is gzip. */
export async function readBytes(path: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new UnreadableInput(`${path}: ${reason(error)}`, { cause: error });
  }
  return unpack(bytes, path);
}

/** `label` is what messages call the file. */
export function unpack(bytes: Buffer, label: string): Buffer {
  if (!isGzip(bytes)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (error) {
    throw new UnreadableInput(`${label}: damaged gzip file (${(error as Error).message})`);
  }
}

/** gzip is known by its first bytes: the name of a file tells nothing. */
export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

/** Why a file can not be opened, in words. */
export function reason(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'no such file';
    case 'EISDIR':
      return 'this is a folder, not a file';
    case 'EACCES':
      return 'no permission to read it';
    default:
      return (error as Error).message;
  }
}
