/**
 * Small looks at a file system: where it answers at once, from memory, they are done on this thread. Through libuv's threads each
 * would cost several times as much as the look itself, and a large experiment has a hundred thousand small files.
 *
 * Where two looks after another were slow (a disk that has to turn, a mount over a network), the next ones are handed to the
 * threads, which wait side by side. One alone may only have been interrupted.
 */
import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';

const SLOW_MS = 0.3;
/** Looks that are handed over before the file system is tried again. */
const HANDED_OVER = 256;
/** Bytes; of more, reading itself would hold up whatever else this thread does. */
const SMALL = 65_536;

export class QuickLooks {
  private slow = 0;
  private toHandOver = 0;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Does the one or the other. */
  async do<T>(here: () => T, elsewhere: () => Promise<T>): Promise<T> {
    if (this.toHandOver > 0) {
      this.toHandOver -= 1;
      return elsewhere();
    }
    const started = this.now();
    try {
      return here();
    } finally {
      this.slow = this.now() - started > SLOW_MS ? this.slow + 1 : 0;
      if (this.slow === 2) [this.slow, this.toHandOver] = [0, HANDED_OVER];
    }
  }
}

const looks = new QuickLooks();

/** `bytes`: about how large it is. Throws what `readFile` does. */
export function quickRead(path: string, bytes: number): Promise<Buffer> {
  return bytes > SMALL
    ? readFile(path)
    : looks.do(
        () => readFileSync(path),
        () => readFile(path),
      );
}

/** Throws what `stat` does. */
export function quickStat(path: string): Promise<Stats> {
  return looks.do(
    () => statSync(path),
    () => stat(path),
  );
}

/** Throws what `readdir` does. */
export function quickNames(folder: string): Promise<string[]> {
  return looks.do(
    () => readdirSync(folder),
    () => readdir(folder),
  );
}
