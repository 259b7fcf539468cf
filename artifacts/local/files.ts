/**
 * The local store's file operations: whole files, created once or replaced, and reads for which absence is no error.
 *
 * write-file-atomic is not used here. Its temporary files are named after process id and counter, which two hosts that share
 * the store's folder can have in common, and it can not create a file only if absent.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Content, hashFile } from '../hash-file';
import { privateFolder } from '../private-files';
import { ArtifactDamaged, StoreUnavailable } from '../store';
import { quickNames, quickStat } from './quick';
import { contentOf, createExclusive, readExclusive, replaceExclusive } from './create-exclusive';

/**
 * Permissions of folders and files in the store: those of its own folder, which is private where Flamingo made it. Somebody who
 * shares a store between accounts makes its folder, and says so by that.
 */
export function modesIn(root: string): { folder: number; file: number } {
  const given = statSync(root).mode & 0o777;
  return { folder: given | 0o700, file: (given & 0o666) | 0o600 };
}

/** What says that a folder is a store, as long as that is there. */
export const IDENTITY = 'store.json';

/**
 * Throws `StoreUnavailable` where the store itself is gone: a mount that is away for a moment shows an empty folder, or none, in which
 * everything seems to be missing. Asked wherever something is not there.
 */
export function refuseAway(root: string): void {
  try {
    statSync(join(root, IDENTITY));
  } catch (error) {
    if (!isAbsence(error)) throw error;
    throw new StoreUnavailable(`${root} is not there at present: it has no ${IDENTITY}`, { cause: error });
  }
}

/** What is not there is not there, or neither is a folder on the way to it. */
export function isAbsence(error: unknown): boolean {
  return isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR');
}

/** Work for which the store has to be there; otherwise it fails with `StoreUnavailable`. */
export async function whileThere<T>(root: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isAbsence(error)) refuseAway(root);
    throw error;
  }
}

/** Creates `path` whole or not at all; false when it stood already. Atomic also on network file systems. */
export async function createOnce(root: string, path: string, data: string | Uint8Array): Promise<boolean> {
  if (existsSync(path)) return false; // spares writing; createExclusive has the last word
  return staged(root, data, async (temporary, folderMode) => {
    await privateFolder(dirname(path), folderMode);
    return createExclusive(temporary, path);
  });
}

export async function replaceFile(root: string, path: string, data: string | Uint8Array): Promise<void> {
  await staged(root, data, async (temporary, folderMode) => {
    await privateFolder(dirname(path), folderMode);
    replaceExclusive(temporary, path);
  });
}

/** Creates or replaces `path` with what was read again from the disk and is `content`. Throws `ArtifactDamaged` for other bytes. */
export async function putVerified(
  root: string,
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  content: Content,
): Promise<void> {
  await staged(root, bytes, async (temporary, folderMode) => {
    const found = await hashFile(temporary);
    if (found !== content.sha256)
      throw new ArtifactDamaged(`what was to become ${path} has SHA-256 ${found}, expected ${content.sha256}`);
    await privateFolder(dirname(path), folderMode);
    replaceExclusive(temporary, path);
  });
}

/**
 * Adds a line durably. Half a line that a crash left at the end gets a newline first, so that this one stands by itself;
 * of several at once one may do so for nothing, which leaves an empty line.
 */
export async function appendLine(root: string, path: string, line: string): Promise<void> {
  refuseAway(root);
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

/**
 * Writes a temporary file in the store's `tmp` folder, flushed to disk, and hands its path to `place`, with the permissions of folders.
 * That comes before any folder is made: where the store is away, nothing is left in its place.
 */
async function staged<T>(
  root: string,
  data: string | Uint8Array | AsyncIterable<Uint8Array>,
  place: (temporary: string, folderMode: number) => Promise<T>,
): Promise<T> {
  return whileThere(root, async () => {
    const temporary = join(root, 'tmp', randomUUID());
    const modes = modesIn(root);
    const file = await open(temporary, 'wx', modes.file);
    try {
      try {
        await writeFile(file, data);
        await file.sync();
      } finally {
        await file.close();
      }
      return await place(temporary, modes.folder);
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

export async function renameIfPresent(root: string, from: string, path: string): Promise<void> {
  await ifPresent(root, rename(from, path), undefined);
}

/** Null when there is no such file. */
export async function sizeOf(root: string, path: string): Promise<number | null> {
  const about = await ifPresent(root, quickStat(path), null);
  if (about === null || !about.isDirectory()) return about?.size ?? null;
  return (await ifPresent(root, quickStat(contentOf(path)), null))?.size ?? null;
}

export async function readIfPresent(root: string, path: string): Promise<string | null> {
  return ifPresent(root, new Promise((resolve) => resolve(readExclusive(path))), null);
}

/** Names in a folder in alphabetical order; none when it is absent. */
export async function namesIn(root: string, folder: string): Promise<string[]> {
  return (await ifPresent(root, quickNames(folder), [])).sort();
}

/** Refuses a name that would be a path, or hidden. */
export function safeName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new Error(`${JSON.stringify(name)} can not name a file`);
  return name;
}

/** `absent` only where the store itself is there. */
async function ifPresent<T, Absent>(root: string, result: Promise<T>, absent: Absent): Promise<T | Absent> {
  try {
    return await result;
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
    refuseAway(root);
    return absent;
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
