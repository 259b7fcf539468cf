/**
 * Room on the disk of the data folder: checked before anything is started, and watched while an experiment runs.
 */
import { statfsSync } from 'node:fs';
import { InvalidUse } from '../errors';

/** Database, logs and one small adapter; a large model needs more, which only its trainer knows. */
export const TO_START_BYTES = 64 * 1024 * 1024;
/** With less than this the database can not write its next pages. */
export const TO_GO_ON_BYTES = 1024 * 1024;

export function requireSpace(folder: string, bytes: number): void {
  const { bavail, blocks, bsize } = statfsSync(folder);
  // some network file systems count nothing
  if (blocks === 0 || bavail * bsize >= bytes) return;
  throw new InvalidUse(
    `the disk of ${folder} is full: ${megabytes(bavail * bsize)} are free, at least ${megabytes(bytes)} are needed.\n` +
      'help: free space, or set FLAMINGO_HOME to a folder on another disk. Nothing is lost: the same command goes on where it was.',
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(1)} MB`;
}
