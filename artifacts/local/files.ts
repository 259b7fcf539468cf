/**
 * The local store's file operations: whole files, created once or replaced, and reads for which absence is no error.
 *
 * write-file-atomic is not used here. Its temporary files are named after process id and counter, which two hosts that share
 * the store's folder can have in common, and it can not create a file only if absent.
 */
import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { privateFolder } from '../private-files';
import { contentOf, createExclusive, readExclusive, replaceExclusive } from './create-exclusive';

/**
 * Permissions of folders and files in the store: those of its own folder, which is private where Flamingo made it. Somebody who
 * shares a store between accounts makes its folder, and says so by that.
 */
export function modesIn(root: string): { folder: number; file: number } {
  const given = statSync(root).mode & 0o777;
  return { folder: given | 0o700, file: (given & 0o666) | 0o600 };
}

/** Creates `path` whole or not at all; false when it stood already. Atomic also on network file systems. */
export async function createOnce(root: string, path: string, data: string | Uint8Array): Promise<boolean> {
  if ((await sizeOf(path)) !== null) return false; // spares writing; createExclusive has the last word
  await privateFolder(dirname(path), modesIn(root).folder);
  let created = false;
  await staged(root, data, (temporary) => {
    created = createExclusive(temporary, path);
  });
  return created;
}

export async function replaceFile(root: string, path: string, data: string | Uint8Array): Promise<void> {
  await privateFolder(dirname(path), modesIn(root).folder);
  await staged(root, data, (temporary) => replaceExclusive(temporary, path));
}

/**
 * Adds a line durably. Half a line that a crash left at the end gets a newline first, so that this one stands by itself;
 * of several at once one may do so for nothing, which leaves an empty line.
 */
export async function appendLine(root: string, path: string, line: string): Promise<void> {
  const modes = modesIn(root);
  await privateFolder(dirname(path), modes.folder);
  const file = await open(path, 'a+', modes.file);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    const torn = size > 0 && last[0] !== NEWLINE;
    await file.appendFile(`${torn ? '\n' : ''}${line.endsWith('\n') ? line : `${line}\n`}`);
    await file.datasync();
  } finally {
    await file.close();
  }
}

const NEWLINE = 10;

/** Writes a temporary file in the store's `tmp` folder, flushed to disk, and hands its path to `place`. */
async function staged(root: string, data: string | Uint8Array, place: (temporary: string) => void): Promise<void> {
  const temporary = join(root, 'tmp', randomUUID());
  const file = await open(temporary, 'wx', modesIn(root).file);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    place(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}

export async function renameIfPresent(from: string, path: string): Promise<void> {
  await ifPresent(rename(from, path), undefined);
}

/** Null when there is no such file. */
export async function sizeOf(path: string): Promise<number | null> {
  const about = await ifPresent(stat(path), null);
  if (about === null || !about.isDirectory()) return about?.size ?? null;
  return (await ifPresent(stat(contentOf(path)), null))?.size ?? null;
}

export async function readIfPresent(path: string): Promise<string | null> {
  return ifPresent(new Promise((resolve) => resolve(readExclusive(path))), null);
}

/** Names in a folder in alphabetical order; none when it is absent. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await ifPresent(readdir(folder), [])).sort();
}

/** Refuses a name that would be a path, or hidden. */
export function safeName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new Error(`${JSON.stringify(name)} can not name a file`);
  return name;
}

async function ifPresent<T, Absent>(result: Promise<T>, absent: Absent): Promise<T | Absent> {
  try {
    return await result;
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
    return absent;
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
