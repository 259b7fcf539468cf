/**
 * The working copy of an attempt, when its store is object storage: a folder of this machine, and what of it was synced.
 *
 *     synced/ATTEMPT/files/SHA256          the files, each content once
 *     synced/ATTEMPT/index/00000003.json   what the folder held, written when all its files are there
 *
 * A *unit* is taken as a whole or not at all: a folder in one of the folders (`checkpoints/step-000025`) with all below
 * it, or a file that lies higher. What changes while it is uploaded is left out; what is damaged when it is fetched is
 * left out, too, and then the same is looked for in the index before.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import { z } from 'zod';
import { documentOrNull } from '../documents';
import type { Content } from '../hash-file';
import { isAbsence } from '../local/files';
import { privateFolder } from '../private-files';
import { artifactRef } from '../reference';
import { ArtifactDamaged } from '../store';
import type { Objects } from './objects';
import { ChangedMeanwhile, downloadFile, uploadFile } from './transfer';

/** What an index says of a unit: its files by their paths in the working copy. */
type Unit = Record<string, Content>;
const INDEX = z.object({
  units: z.record(z.string(), z.record(artifactRef.shape.uri, artifactRef.pick({ sha256: true, bytes: true }))),
});
type Index = z.infer<typeof INDEX>;

/** The last index, and the one before in case that its files are damaged. */
const INDEXES_KEPT = 2;
const FILES_AT_ONCE = 4;

/** A file as it lies there; equal for as long as nobody writes to it. */
interface Seen {
  path: string;
  trace: string;
  changed: number;
}

export class SyncedFolder {
  private running: Promise<void> = Promise.resolve();
  private queued: Promise<void> | null = null;
  private wholeUntil = Infinity;
  /** Contents by path and trace, of what was uploaded by this process. */
  private readonly known = new Map<string, Content>();
  /** Contents that are in the store; null until it was asked. */
  private there: Set<string> | null = null;
  private readonly written: { number: number; text: string; index: Index }[] = [];

  /** `root` ends in `/`. */
  constructor(
    private readonly objects: Objects,
    private readonly root: string,
    readonly path: string,
  ) {}

  /** One at a time; calls that come meanwhile are served by one that begins afterwards. */
  sync(wholeUntil = Infinity): Promise<void> {
    this.wholeUntil = wholeUntil;
    this.queued ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.queued = null;
        this.running = this.syncNow(this.wholeUntil);
        return this.running;
      });
    return this.queued;
  }

  /** Makes the folder if this machine has none, with all that was synced. */
  async fetch(): Promise<void> {
    if ((await ifThere(readdir(this.path))) !== null) return;
    await privateFolder(dirname(this.path));
    const partial = `${this.path}.${randomUUID()}.partial`;
    await privateFolder(partial);
    try {
      const keys: string[] = [];
      for await (const { key } of this.objects.list(`${this.root}index/`)) keys.push(key);
      const done = new Set<string>();
      let failed = false;
      for (const key of keys.sort().reverse()) {
        const index = parse(await this.objects.text(key));
        if (index === null) continue;
        for (const [name, files] of Object.entries(index.units)) {
          if (done.has(name)) continue;
          if (await this.fetchUnit(files, partial)) done.add(name);
          else failed = true;
        }
        if (!failed) break;
      }
      await rename(partial, this.path).catch(async (error: NodeJS.ErrnoException) => {
        // another process of this machine was first
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      });
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }

  /** False when it is damaged or gone, and then nothing of it is left. */
  private async fetchUnit(files: Unit, folder: string): Promise<boolean> {
    try {
      await pLimit(FILES_AT_ONCE).map(Object.entries(files), async ([path, about]) => {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await downloadFile(this.objects, `${this.root}files/${about.sha256}`, join(folder, path), about);
      });
      return true;
    } catch (error) {
      if (!(error instanceof ArtifactDamaged)) throw error;
      for (const path of Object.keys(files)) await rm(join(folder, path), { force: true });
      return false;
    }
  }

  private async syncNow(wholeUntil: number): Promise<void> {
    this.there ??= await this.contentsThere();
    const index: Index = { units: {} };
    for (const [name, files] of await unitsIn(this.path)) {
      if (!isOnTop(name) && files.some(({ changed }) => changed > wholeUntil)) continue;
      const unit = await this.uploadUnit(files);
      if (unit === null) continue;
      if (isOnTop(name) || isSame(files, (await unitsIn(this.path)).get(name) ?? [])) index.units[name] = unit;
    }
    await this.publish(index);
  }

  /** Null when it changes or goes meanwhile. */
  private async uploadUnit(files: readonly Seen[]): Promise<Unit | null> {
    const there = this.there as Set<string>;
    const unit: Unit = {};
    try {
      for (const { path, trace } of files) {
        const seen = `${path} ${trace}`;
        let about = this.known.get(seen);
        if (about === undefined) {
          about = await uploadFile(this.objects, join(this.path, path), ({ sha256 }) =>
            there.has(sha256) ? null : `${this.root}files/${sha256}`,
          );
          this.known.set(seen, about);
          there.add(about.sha256);
        }
        unit[path] = about;
      }
      return unit;
    } catch (error) {
      if (error instanceof ChangedMeanwhile || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  private async contentsThere(): Promise<Set<string>> {
    const there = new Set<string>();
    const folder = `${this.root}files/`;
    for await (const { key } of this.objects.list(folder)) there.add(key.slice(folder.length));
    for await (const { key } of this.objects.list(`${this.root}index/`)) {
      const text = (await this.objects.text(key)) ?? '';
      const index = parse(text);
      const number = Number(/(\d+)\.json$/.exec(key)?.[1]);
      if (index !== null) this.written.push({ number, text, index });
    }
    return there;
  }

  /** The index comes last, and what only indexes before the kept ones name goes after it. */
  private async publish(index: Index): Promise<void> {
    const text = JSON.stringify(index) + '\n';
    const last = this.written.at(-1);
    if (last?.text === text || (last === undefined && Object.keys(index.units).length === 0)) return;
    const number = (last?.number ?? 0) + 1;
    await this.objects.put(this.indexKey(number), text);
    this.written.push({ number, text, index });
    const old = this.written.splice(0, Math.max(0, this.written.length - INDEXES_KEPT));
    const named = new Set(this.written.flatMap((each) => contentsOf(each.index)));
    const there = this.there as Set<string>;
    const gone = [...there].filter((sha256) => !named.has(sha256));
    for (const sha256 of gone) there.delete(sha256);
    for (const [seen, { sha256 }] of this.known) if (!there.has(sha256)) this.known.delete(seen);
    await this.objects.remove([
      ...old.map((each) => this.indexKey(each.number)),
      ...gone.map((sha256) => `${this.root}files/${sha256}`),
    ]);
  }

  private indexKey(number: number): string {
    return `${this.root}index/${String(number).padStart(8, '0')}.json`;
  }
}

function contentsOf({ units }: Index): string[] {
  return Object.values(units).flatMap((files) => Object.values(files).map(({ sha256 }) => sha256));
}

function parse(text: string | null): Index | null {
  return documentOrNull<Index>(text, INDEX);
}

/** All finished files, by the unit that they belong to. What lies under a name that begins with a dot is this machine's only. */
export async function unitsIn(folder: string): Promise<Map<string, Seen[]>> {
  const units = new Map<string, Seen[]>();
  const visit = async (inside: string[]): Promise<void> => {
    const entries = (await ifThere(readdir(join(folder, ...inside), { withFileTypes: true }))) ?? [];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || entry.name.endsWith('.partial')) continue;
      const parts = [...inside, entry.name];
      if (entry.isDirectory()) await visit(parts);
      else if (entry.isFile()) {
        const about = await ifThere(stat(join(folder, ...parts)));
        if (about === null) continue;
        const name = parts.slice(0, 2).join('/');
        const seen = {
          path: parts.join('/'),
          trace: `${about.size} ${about.mtimeMs} ${about.ino}`,
          changed: about.mtimeMs,
        };
        units.set(name, [...(units.get(name) ?? []), seen]);
      }
    }
  };
  await visit([]);
  return units;
}

/** Null for what is not there. What can not be looked at is not gone: an index without it would have its files removed. */
async function ifThere<T>(look: Promise<T>): Promise<T | null> {
  try {
    return await look;
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

/** Logs lie there, which grow: of them the moment counts at which they were read. */
function isOnTop(name: string): boolean {
  return !name.includes('/');
}

function isSame(before: readonly Seen[], after: readonly Seen[]): boolean {
  const traces = (files: readonly Seen[]): string => files.map(({ path, trace }) => `${path} ${trace}`).join('\n');
  return traces(before) === traces(after);
}
