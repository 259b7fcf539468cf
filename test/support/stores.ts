/** The implementations of the store, for tests that hold whatever implements it: the same test runs against each. */
import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentOf } from '../../artifacts/local/create-exclusive';
import { LocalStore } from '../../artifacts/local/store';
import type { Attempt, Store, WorkKey } from '../../artifacts/store';
import type { ArtifactRef } from '../../experiment/plan';
import { Bucket, MemoryStore } from './memory-store';

/** One storage, and what can happen to it behind a store's back. */
export interface Storage {
  /** A store as another process sees it, for a remote one on another machine. */
  open(): Promise<Store>;
  /** Stored bytes vanish. */
  lose(ref: ArtifactRef): Promise<void>;
  /** Stored bytes keep only their first half. */
  cut(ref: ArtifactRef): Promise<void>;
  /** Stored bytes become others, as many. */
  tamper(ref: ArtifactRef): Promise<void>;
  /** A manifest that was cut while it was copied. */
  cutManifest(work: WorkKey): Promise<void>;
  /** A manifest of another shape. */
  misshape(work: WorkKey): Promise<void>;
  /** What a kill in the middle of an append leaves. */
  tear(attempt: Attempt, log: string, rest: string): Promise<void>;
  /** From now on logs find no more space, until `empty`: what they had reserved is theirs. */
  fill(): void;
  empty(): void;
  remove(): void;
}

export const STORAGES: [string, () => Storage][] = [
  ['local', localStorage],
  ['local without hard links', linklessStorage],
  ['memory', memoryStorage],
];

/** On a file system that refuses link(2), until it is removed. */
function linklessStorage(): Storage {
  const link = jest.spyOn(fs, 'linkSync').mockImplementation(() => {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
  });
  const storage = localStorage();
  return {
    ...storage,
    remove: () => {
      link.mockRestore();
      storage.remove();
    },
  };
}

function localStorage(): Storage {
  const root = mkdtempSync(join(tmpdir(), 'flamingo-store-'));
  const folderOf = ({ stage, group, key }: WorkKey) => join(root, stage, group ?? '', key);
  return {
    open: () => LocalStore.open(root),
    lose: ({ uri }) => rm(join(root, uri)),
    cut: ({ uri, bytes }) => truncate(join(root, uri), Math.floor(bytes / 2)),
    tamper: async ({ uri }) => writeFile(join(root, uri), tampered(await readFile(join(root, uri)))),
    cutManifest: (work) => truncate(contentOf(join(folderOf(work), 'manifest.json')), 30),
    misshape: (work) => writeFile(contentOf(join(folderOf(work), 'manifest.json')), '{"stage":"adapters"}\n'),
    tear: ({ work, name }, log, rest) => appendFile(join(folderOf(work), 'attempts', name, log), rest),
    ...fullDisk(),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Files grow no more, and no new one is opened; what is inside a file can be written. */
export function fullDisk(): Pick<Storage, 'fill' | 'empty'> {
  const { openSync, writeSync } = fs;
  let spies: jest.SpyInstance[] = [];
  const full = (): Error => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  const fits = (file: number, bytes: number, position: number): boolean => position + bytes <= fs.fstatSync(file).size;
  type Write = (file: number, bytes: Uint8Array, offset: number, length: number, position: number) => number;
  return {
    fill: () => {
      spies = [
        jest.spyOn(fs, 'openSync').mockImplementation((path, flags, mode) => {
          if (flags === 'wx') throw full();
          return openSync(path, flags, mode);
        }),
        jest.spyOn(fs, 'writeSync').mockImplementation(((file, bytes, offset, length, position) => {
          if (!fits(file, length, position)) throw full();
          return writeSync(file, bytes, offset, length, position);
        }) as Write as never),
      ];
    },
    empty: () => {
      for (const spy of spies.splice(0)) spy.mockRestore();
    },
  };
}

function memoryStorage(): Storage {
  const bucket = new Bucket();
  const machines = mkdtempSync(join(tmpdir(), 'flamingo-machines-'));
  let opened = 0;
  return {
    open: () => Promise.resolve(new MemoryStore(bucket, join(machines, String(++opened)))),
    lose: ({ uri }) => Promise.resolve(void bucket.blobs.delete(uri)),
    cut: ({ uri, bytes }) =>
      Promise.resolve(void bucket.blobs.set(uri, bucket.blobs.get(uri)!.subarray(0, Math.floor(bytes / 2)))),
    tamper: ({ uri }) => Promise.resolve(void bucket.blobs.set(uri, tampered(bucket.blobs.get(uri)!))),
    misshape: (work) => Promise.resolve(void (bucket.work(work).manifest = '{"stage":"adapters"}\n')),
    cutManifest: (work) => {
      const stored = bucket.work(work);
      stored.manifest = stored.manifest!.slice(0, 30);
      return Promise.resolve();
    },
    tear: ({ work, name }, log, rest) => {
      const { logs } = bucket.work(work).attempts.get(name)!;
      logs.set(log, (logs.get(log) ?? '') + rest);
      return Promise.resolve();
    },
    fill: () => void (bucket.refusal = 'it is full'),
    empty: () => void (bucket.refusal = null),
    remove: () => rmSync(machines, { recursive: true, force: true }),
  };
}

export function tampered(bytes: Buffer): Buffer {
  const other = Buffer.from(bytes);
  other[0] = other[0]! ^ 1;
  return other;
}
