/**
 * Opens regular files and nothing else: a named pipe would be waited for, a device has no end.
 */
import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';

/** The path leads to something that is no regular file. `code` is EISDIR for a folder, as read(2) says it. */
export class NotARegularFile extends Error {
  override name = 'NotARegularFile';

  constructor(readonly code: 'EISDIR' | 'ENOTREG') {
    super(code === 'EISDIR' ? 'this is a folder, not a file' : 'this is a pipe, a socket or a device, not a file');
  }
}

export interface OpenOptions {
  /** Takes named pipes, too, and waits until somebody writes: for files that a person names on the command line. */
  pipes?: boolean;
}

/**
 * Opens for reading; symbolic links are followed. The kind is looked at before opening, because opening some devices
 * does something, and again afterwards, because the path may lead elsewhere by then; without `pipes`, opening never waits.
 * Throws `NotARegularFile`, or what the system says. Whoever asked closes the file.
 */
export async function openRegular(path: string, { pipes = false }: OpenOptions = {}): Promise<FileHandle> {
  const refuse = (about: { isFile(): boolean; isFIFO(): boolean; isDirectory(): boolean }): void => {
    if (about.isFile() || (pipes && about.isFIFO())) return;
    throw new NotARegularFile(about.isDirectory() ? 'EISDIR' : 'ENOTREG');
  };
  refuse(await stat(path));
  const file = await open(path, constants.O_RDONLY | (pipes ? 0 : constants.O_NONBLOCK));
  try {
    refuse(await file.stat());
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}
