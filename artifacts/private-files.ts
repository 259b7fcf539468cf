/**
 * Permissions of what people do not read with other programs: data folder, store, logs, inputs in the cache. They hold answers,
 * prompts and unpacked archives, so they are their owner's alone, whatever the umask. Results follow the umask.
 */
import { mkdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';

export const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;

/** Makes a folder, and those above it that are missing. One that is there already keeps its permissions. */
export async function privateFolder(path: string, mode: number = PRIVATE_FOLDER): Promise<void> {
  await mkdir(path, { recursive: true, mode });
}

export function privateFolderSync(path: string, mode: number = PRIVATE_FOLDER): void {
  mkdirSync(path, { recursive: true, mode });
}
