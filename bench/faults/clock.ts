/**
 * The clock of a worker's process, which can be set while it runs: libfaketime, loaded before the worker, adds to the time of
 * day what a file says. The monotonic clock, by which timers go, and times of files stay true, as when a host's clock jumps.
 * What the worker starts has the true time.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LIBRARIES = '/usr/lib';
const NAME = join('faketime', 'libfaketime.so.1');

/** Null where libfaketime is not installed (Debian, Ubuntu: `apt-get install faketime`). */
function library(): string | null {
  const folders = existsSync(LIBRARIES) ? readdirSync(LIBRARIES) : [];
  return folders.map((folder) => join(LIBRARIES, folder, NAME)).find((path) => existsSync(path)) ?? null;
}

/** `isolated`: in a mount namespace of its own, since the library leaves files of killed processes in /dev/shm. */
export function clocksPossible(isolated: boolean): boolean {
  return isolated && library() !== null;
}

/** Once, in the campaign's mount namespace, with which it goes. */
export function prepareClocks(): void {
  execFileSync('mount', ['-t', 'tmpfs', 'none', '/dev/shm']);
}

export class Clock {
  constructor(private readonly file: string) {
    this.jump(0);
  }

  /** Of the process whose clock it is. */
  get environment(): NodeJS.ProcessEnv {
    return {
      LD_PRELOAD: library() ?? undefined,
      FAKETIME_TIMESTAMP_FILE: this.file,
      // seconds; the file is looked at so often
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
  }

  /** Seconds by which it is wrong from now on. */
  jump(seconds: number): void {
    // renamed into its place, since half a file would be another time
    writeFileSync(`${this.file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    renameSync(`${this.file}.new`, this.file);
  }
}
