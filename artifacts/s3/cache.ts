/**
 * Working copies on this machine of what lies in object storage: one file for each content, shared by all processes here,
 * the least recently used removed when they are too many bytes. What is handed out to an operation that runs is not removed.
 *
 *     files/SHA256              the bytes
 *     files/SHA256.etag         as which object they were fetched
 *     folders/KEY/NAME          links to files that a program wants to find together
 *     pins/SHA256.TOKEN         somebody uses that file; touched while its process lives
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keyOf } from '../../experiment/canonical';
import type { ArtifactRef } from '../../experiment/plan';
import { privateFolder } from '../private-files';
import { hashOf } from './transfer';

/** A pin that nobody touched for so long was left by a process that is gone. */
const PIN_LASTS_MS = 3600_000;
const TOUCH_MS = 600_000;
/** Files that were used just now are left alone: whoever used them may be about to again. */
const FRESH_MS = 60_000;

export interface CacheOptions {
  folder: string;
  /** How much may lie there beside what is in use. */
  maxBytes: number;
}

/** Fetches the bytes of `ref` to a path where nothing is; throws when they are others. */
export type Fetch = (ref: ArtifactRef, path: string) => Promise<void>;

export class Cache {
  private readonly operations = new AsyncLocalStorage<Set<string>>();
  /** Pins of this process, with what touches them. */
  private readonly pins = new Set<string>();
  private readonly pinnedForGood = new Set<string>();
  private touching: NodeJS.Timeout | null = null;

  constructor(private readonly options: CacheOptions) {}

  /** Runs an operation; what it is handed out stays at least as long. Without one it stays until this process ends. */
  async during<T>(operation: () => Promise<T>): Promise<T> {
    const pins = new Set<string>();
    try {
      return await this.operations.run(pins, operation);
    } finally {
      for (const pin of pins) {
        this.pins.delete(pin);
        await rm(pin, { force: true });
      }
    }
  }

  /** The path of a file with these bytes, hashed now. `etag`: which object has them now; another one is fetched anew. */
  async file(ref: ArtifactRef, etag: string, fetch: Fetch): Promise<string> {
    const path = join(this.options.folder, 'files', ref.sha256);
    await this.pin(ref.sha256);
    const fetchedAs = await readFile(`${path}.etag`, 'utf8').catch(() => null);
    if (fetchedAs === etag && (await this.holds(path, ref))) {
      const now = new Date();
      await utimes(path, now, now);
      return path;
    }
    await privateFolder(join(this.options.folder, 'files'));
    await this.makeRoom(ref.bytes);
    const partial = `${path}.${randomUUID()}.partial`;
    await fetch(ref, partial);
    await rename(partial, path);
    await writeFile(`${partial}.etag`, etag);
    await rename(`${partial}.etag`, `${path}.etag`);
    return path;
  }

  /** A folder with these files under their names. */
  async together(files: readonly { name: string; path: string }[]): Promise<string> {
    const folder = join(this.options.folder, 'folders', keyOf(files.map(({ name, path }) => [name, path])));
    await privateFolder(folder);
    for (const { name, path } of files) {
      await symlink(path, join(folder, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
    }
    return folder;
  }

  private async holds(path: string, ref: ArtifactRef): Promise<boolean> {
    if ((await stat(path).catch(() => null))?.size !== ref.bytes) return false;
    return (await hashOf(path).catch(() => null))?.sha256 === ref.sha256;
  }

  private async pin(sha256: string): Promise<void> {
    const folder = join(this.options.folder, 'pins');
    await privateFolder(folder);
    const operation = this.operations.getStore();
    // what is used outside of an operation is pinned once
    if (operation === undefined && this.pinnedForGood.has(sha256)) return;
    const pin = join(folder, `${sha256}.${randomUUID()}`);
    await writeFile(pin, `${process.pid}\n`);
    this.pins.add(pin);
    if (operation === undefined) this.pinnedForGood.add(sha256);
    else operation.add(pin);
    this.touching ??= setInterval(() => void this.touch(), TOUCH_MS).unref();
  }

  private async touch(): Promise<void> {
    const now = new Date();
    for (const pin of this.pins) await utimes(pin, now, now).catch(() => undefined);
  }

  /** Removes what was not used for longest and is not in use, until `bytes` more fit. */
  private async makeRoom(bytes: number): Promise<void> {
    const folder = join(this.options.folder, 'files');
    const names = (await readdir(folder)).filter((name) => !name.endsWith('.etag'));
    const files = await Promise.all(
      names.map(async (name) => {
        const about = await stat(join(folder, name)).catch(() => null);
        return { name, bytes: about?.size ?? 0, used: about?.mtimeMs ?? 0 };
      }),
    );
    let over = files.reduce((sum, each) => sum + each.bytes, bytes) - this.options.maxBytes;
    for (const { name, bytes: size, used } of files.sort((a, b) => a.used - b.used)) {
      if (over <= 0) return;
      // a download that nobody finished goes, too
      const content = name.split('.')[0] as string;
      if (Date.now() - used < FRESH_MS || (await this.isPinned(content))) continue;
      const path = join(folder, name);
      const aside = `${path}.${randomUUID()}.removed`;
      await rename(path, aside).catch(() => undefined);
      // pinned in between: it comes back
      if (await this.isPinned(content)) await rename(aside, path).catch(() => undefined);
      else {
        await rm(aside, { force: true });
        await rm(`${path}.etag`, { force: true });
        over -= size;
      }
    }
  }

  private async isPinned(sha256: string): Promise<boolean> {
    const folder = join(this.options.folder, 'pins');
    for (const name of await readdir(folder)) {
      if (!name.startsWith(`${sha256}.`)) continue;
      const touched = (await stat(join(folder, name)).catch(() => null))?.mtimeMs ?? 0;
      if (Date.now() - touched < PIN_LASTS_MS) return true;
      await rm(join(folder, name), { force: true });
    }
    return false;
  }
}
