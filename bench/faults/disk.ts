/**
 * The store's disk: a small file system in memory of its own, so that it can be full or read-only without touching
 * anything else. Without the privileges to mount one it is a plain folder, and the kinds that need one are left out.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MEGABYTES = 192;
const FILLER = 'filler';

export class Disk {
  private constructor(
    readonly path: string,
    /** Whether it is a file system of its own. */
    readonly mounted: boolean,
  ) {}

  static make(path: string): Disk {
    mkdirSync(path, { recursive: true });
    if (process.getuid?.() !== 0) return new Disk(path, false);
    try {
      mount('-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'flamingo-campaign', path);
    } catch {
      return new Disk(path, false);
    }
    return new Disk(path, true);
  }

  /** Whether `make` gives a file system of its own here; tried in `folder`. */
  static possible(folder: string): boolean {
    const disk = Disk.make(join(folder, 'disk-tried'));
    disk.remove();
    rmSync(disk.path, { recursive: true });
    return disk.mounted;
  }

  /** Until not one more byte goes in. */
  fill(): void {
    const file = openSync(join(this.path, FILLER), 'w');
    try {
      for (let size = 1 << 20; size >= 1; size = Math.floor(size / 4)) {
        const bytes = Buffer.alloc(size);
        try {
          for (;;) if (writeSync(file, bytes) < size) break;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(join(this.path, FILLER), { force: true });
  }

  /** Not possible while anybody has a file open for writing: tried until `seconds` have passed. False when it did not come about. */
  async makeReadOnly(seconds: number): Promise<boolean> {
    for (const until = Date.now() + seconds * 1000; Date.now() < until; await sleep(20)) {
      try {
        mount('-o', 'remount,ro', this.path);
        return true;
      } catch {
        continue; // somebody writes
      }
    }
    return false;
  }

  makeWritable(): void {
    mount('-o', 'remount,rw', this.path);
  }

  remove(): void {
    if (this.mounted) execFileSync('umount', [this.path], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
