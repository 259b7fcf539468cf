/**
 * Room on the disk of the data folder: checked before anything is started, and watched while an experiment runs.
 */
import { statfsSync } from 'node:fs';
import { InvalidUse } from '../errors';

/** Database, logs and one small adapter; a large model needs more, which only its trainer knows. */
export const TO_START_BYTES = 64 * 1024 * 1024;
/** With less than this the database can not write its next pages. */
export const TO_GO_ON_BYTES = 1024 * 1024;

/** Files that are made beside one another for a moment: state, leases, the database's journal, a few attempts. */
const FILES = 64;

/** Throws `InvalidUse` when less than `bytes`, or too few files, fit onto the disk of `folder`. */
export function requireSpace(folder: string, bytes: number): void {
  const { bavail, blocks, bsize, ffree, files } = statfsSync(folder);
  const kept =
    'or set FLAMINGO_HOME to a folder on another disk. Nothing is lost: the same command goes on where it was.';
  // a file system without a fixed number of files says 0 of 0
  if (files > 0 && ffree < FILES) {
    throw new InvalidUse(
      `the disk of ${folder} can hold no more files: ${ffree} inodes are free, at least ${FILES} are needed.\n` +
        `help: delete files on it (\`df -i\` counts them), ${kept}`,
    );
  }
  // some network file systems count nothing
  if (blocks === 0 || bavail * bsize >= bytes) return;
  throw new InvalidUse(
    `the disk of ${folder} is full: ${megabytes(bavail * bsize)} are free, at least ${megabytes(bytes)} are needed.\n` +
      `help: free space, ${kept}`,
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(1)} MB`;
}
