/**
 * A store that has no folder: everything is in a `Bucket` in memory, as it would be in object storage. Every `MemoryStore`
 * of a bucket is a machine of its own, whose working copies are really copied. What passes against it relies on no path.
 */
import { isSameManifest, parseManifest } from '../../artifacts/manifest';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  type AppendLog,
  ArtifactDamaged,
  type Attempt,
  Busy,
  type Lease,
  LogUnwritable,
  type Manifest,
  type RecordFolder,
  SHARED_PLACES,
  type SharedPlace,
  type SmallFiles,
  type Stage,
  type Store,
  type WorkKey,
  type Workspace,
} from '../../artifacts/store';
import { sha256 } from '../../experiment/canonical';
import type { ArtifactRef } from '../../experiment/plan';

interface StoredAttempt {
  files: Map<string, string>;
  /** As they were appended, half a last line included. */
  logs: Map<string, string>;
  /** The working copy as it was synced, by relative path. */
  synced: Map<string, Buffer>;
}

interface StoredWork {
  work: WorkKey;
  manifest: string | null;
  /** Manifests that were taken out of their place. */
  aside: string[];
  /** In the order in which they were begun. */
  attempts: Map<string, StoredAttempt>;
  shared: Map<SharedPlace, Map<string, string>>;
}

/** What outlives every machine. */
export class Bucket {
  readonly id = randomUUID();
  readonly blobs = new Map<string, Buffer>();
  readonly works = new Map<string, StoredWork>();
  readonly records = new Map<string, string>();
  readonly leases = new Map<string, { holder: string; until: number }>();
  /** Why nothing more is taken, as when it is full; null when all is well. Logs wait for that. */
  refusal: string | null = null;

  work(work: WorkKey): StoredWork {
    const name = nameOf(work);
    const found = this.works.get(name) ?? { work, manifest: null, aside: [], attempts: new Map(), shared: new Map() };
    this.works.set(name, found);
    return found;
  }
}

export class MemoryStore implements Store {
  /** `machine`: a folder for this machine's working copies. */
  constructor(
    readonly bucket: Bucket,
    private readonly machine: string,
  ) {}

  get id(): string {
    return this.bucket.id;
  }

  async putBytes(bytes: string | Uint8Array, suffix: string): Promise<ArtifactRef> {
    await setImmediate();
    const data = Buffer.from(bytes as string);
    const ref = { uri: `blobs/${sha256(data)}${suffix}`, sha256: sha256(data), bytes: data.byteLength };
    this.bucket.blobs.set(ref.uri, data);
    return ref;
  }

  async read(ref: ArtifactRef): Promise<Buffer> {
    await setImmediate();
    if (!/^blobs\/[\w.-]+$/.test(ref.uri)) throw new Error(`artifact URI ${JSON.stringify(ref.uri)} leaves the store`);
    const bytes = this.bucket.blobs.get(ref.uri);
    if (bytes === undefined) throw Object.assign(new Error(`${ref.uri} is not there`), { code: 'ENOENT' });
    if (sha256(bytes) !== ref.sha256) throw new ArtifactDamaged(`${ref.uri} has SHA-256 ${sha256(bytes)}`);
    return bytes;
  }

  async checkOut(ref: ArtifactRef): Promise<string> {
    return this.download(ref, join(this.machine, 'checked-out', basename(ref.uri)));
  }

  async checkOutFolder(files: Record<string, ArtifactRef>): Promise<string> {
    const folder = join(this.machine, 'checked-out', sha256(JSON.stringify(files)));
    for (const [name, ref] of Object.entries(files)) await this.download(ref, join(folder, safeName(name)));
    return folder;
  }

  async manifest(work: WorkKey): Promise<Manifest | null> {
    await setImmediate();
    return this.intact(work);
  }

  async commit(work: WorkKey, manifest: Manifest): Promise<Manifest> {
    await setImmediate();
    const standing = this.intact(work);
    if (standing !== null) return standing;
    this.bucket.work(work).manifest = JSON.stringify(manifest);
    return manifest;
  }

  async putAside(work: WorkKey, manifest: Manifest): Promise<boolean> {
    await setImmediate();
    const stored = this.bucket.work(work);
    if (!isSameManifest(parseManifest(stored.manifest), manifest)) return false;
    stored.aside.push(stored.manifest as string);
    stored.manifest = null;
    return true;
  }

  async survey(stage: Stage, group: string): Promise<{ committed: Manifest[]; open: WorkKey[] }> {
    await setImmediate();
    const works = [...this.bucket.works.values()]
      .map(({ work }) => work)
      .filter((work) => work.stage === stage && work.group === group)
      .sort((one, other) => (one.key < other.key ? -1 : 1));
    return {
      committed: works.map((work) => this.intact(work)).filter((manifest) => manifest !== null),
      open: works.filter((work) => this.intact(work) === null),
    };
  }

  async manifests(stage: Stage, group: string): Promise<Manifest[]> {
    return (await this.survey(stage, group)).committed;
  }

  async openWork(stage: Stage, group: string): Promise<WorkKey[]> {
    return (await this.survey(stage, group)).open;
  }

  async attempt(work: WorkKey, name: string): Promise<Attempt> {
    await setImmediate();
    if ((SHARED_PLACES as readonly string[]).includes(name)) throw new Error(`an attempt can not be called ${name}`);
    const { attempts } = this.bucket.work(work);
    if (!attempts.has(safeName(name))) attempts.set(name, { files: new Map(), logs: new Map(), synced: new Map() });
    return this.handle(work, name);
  }

  async attempts(work: WorkKey): Promise<Attempt[]> {
    await setImmediate();
    const stored = this.bucket.works.get(nameOf(work));
    return [...(stored?.attempts.keys() ?? [])].map((name) => this.handle(work, name));
  }

  shared(work: WorkKey, place: SharedPlace): SmallFiles {
    return new MemoryFiles(
      () => this.bucket.works.get(nameOf(work))?.shared.get(place),
      () => {
        const { shared } = this.bucket.work(work);
        const files = shared.get(place) ?? new Map<string, string>();
        shared.set(place, files);
        return files;
      },
    );
  }

  async readRecord(folder: RecordFolder, name: string): Promise<string | null> {
    await setImmediate();
    return this.bucket.records.get(`${folder}/${safeName(name)}`) ?? null;
  }

  async writeRecord(folder: RecordFolder, name: string, text: string): Promise<void> {
    await setImmediate();
    this.bucket.records.set(`${folder}/${safeName(name)}`, text);
  }

  async appendRecord(folder: RecordFolder, name: string, line: string): Promise<void> {
    await setImmediate();
    const key = `${folder}/${safeName(name)}`;
    const before = this.bucket.records.get(key) ?? '';
    const torn = before !== '' && !before.endsWith('\n');
    this.bucket.records.set(key, `${before}${torn ? '\n' : ''}${line}${line.endsWith('\n') ? '' : '\n'}`);
  }

  async lease(work: WorkKey, holder: string, seconds: number): Promise<Lease> {
    await setImmediate();
    const { leases } = this.bucket;
    const name = nameOf(work);
    const standing = leases.get(name);
    if (standing !== undefined && standing.holder !== holder && standing.until > Date.now())
      throw new Busy(`${name} is being made by ${standing.holder}`);
    const take = (): void => void leases.set(name, { holder, until: Date.now() + seconds * 1000 });
    const isMine = (): boolean => leases.get(name)?.holder === holder;
    take();
    return {
      renew: () => Promise.resolve(isMine() ? take() : undefined),
      release: () => Promise.resolve(isMine() ? void leases.delete(name) : undefined),
    };
  }

  private intact(work: WorkKey): Manifest | null {
    const text = this.bucket.works.get(nameOf(work))?.manifest ?? null;
    try {
      const manifest = parseManifest(text);
      const refs = [...Object.values(manifest?.results ?? {}), ...Object.values(manifest?.provenance ?? {})];
      return refs.every(({ uri, bytes }) => this.bucket.blobs.get(uri)?.byteLength === bytes) ? manifest : null;
    } catch {
      return null;
    }
  }

  private handle(work: WorkKey, name: string): Attempt {
    const stored = this.bucket.work(work).attempts.get(name) as StoredAttempt;
    const folder = join(this.machine, 'attempts', nameOf(work), name);
    return new MemoryAttempt(this.bucket, stored, work, name, folder, (path) => this.upload(path));
  }

  private async upload(path: string): Promise<ArtifactRef> {
    return this.putBytes(await readFile(path), extname(path));
  }

  private async download(ref: ArtifactRef, path: string): Promise<string> {
    const bytes = await this.read(ref);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    return path;
  }
}

class MemoryFiles implements SmallFiles {
  constructor(
    private readonly present: () => Map<string, string> | undefined,
    private readonly made: () => Map<string, string>,
  ) {}

  async list(): Promise<string[]> {
    await setImmediate();
    return [...(this.present()?.keys() ?? [])].sort();
  }

  place(name: string): string {
    return safeName(name);
  }

  async read(name: string): Promise<string | null> {
    await setImmediate();
    return this.present()?.get(safeName(name)) ?? null;
  }

  async create(name: string, text: string): Promise<boolean> {
    await setImmediate();
    if (this.made().has(safeName(name))) return false;
    this.made().set(name, text);
    return true;
  }

  async write(name: string, text: string): Promise<void> {
    await setImmediate();
    this.made().set(safeName(name), text);
  }
}

class MemoryAttempt extends MemoryFiles implements Attempt {
  constructor(
    private readonly bucket: Bucket,
    private readonly stored: StoredAttempt,
    readonly work: WorkKey,
    readonly name: string,
    private readonly folder: string,
    private readonly upload: (path: string) => Promise<ArtifactRef>,
  ) {
    super(
      () => stored.files,
      () => stored.files,
    );
  }

  override async list(): Promise<string[]> {
    return [...(await super.list()), ...this.stored.logs.keys()].sort();
  }

  async openLog(name: string): Promise<AppendLog> {
    await setImmediate();
    const { logs } = this.stored;
    if (logs.has(safeName(name))) throw new LogUnwritable(`${this.name}/${name}: it is there already`);
    logs.set(name, '');
    const place = `${this.name}/${name}`;
    return new MemoryLog(place, this.bucket, (line) => logs.set(name, `${logs.get(name)}${line}\n`));
  }

  async readLog(name: string): Promise<string[]> {
    await setImmediate();
    return (this.stored.logs.get(safeName(name)) ?? '').split('\n').slice(0, -1);
  }

  async workspace(): Promise<Workspace> {
    const { synced } = this.stored;
    const path = this.folder;
    if ((await readdir(path).catch(() => null)) === null) {
      await mkdir(path, { recursive: true });
      for (const [name, bytes] of synced) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), bytes);
      }
    }
    return {
      path,
      keep: (file) => this.upload(resolve(path, file)),
      sync: async () => {
        // first as a whole, since files come and go
        const copy = `${path}-${randomUUID()}`;
        await cp(path, copy, { recursive: true, filter: (file) => file === path || !isBeingWritten(basename(file)) });
        const entries = await readdir(copy, { recursive: true, withFileTypes: true });
        synced.clear();
        for (const entry of entries.filter((each) => each.isFile())) {
          const file = join(entry.parentPath, entry.name);
          synced.set(
            file
              .slice(copy.length + 1)
              .split(sep)
              .join('/'),
            await readFile(file),
          );
        }
        await rm(copy, { recursive: true });
      },
    };
  }
}

/** Takes lines at once, and holds them while the bucket refuses. */
class MemoryLog implements AppendLog {
  private readonly held: string[] = [];
  private closed = false;

  constructor(
    private readonly place: string,
    private readonly bucket: Bucket,
    private readonly keep: (line: string) => void,
  ) {}

  get trouble(): string | null {
    return this.bucket.refusal === null ? null : `${this.place}: ${this.bucket.refusal}`;
  }

  append(line: string): void {
    if (this.closed) throw this.unwritable('it is closed');
    this.held.push(line);
    this.flush();
  }

  async writable(signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.closed) throw this.unwritable('it is closed');
      if (this.flush()) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (let tries = 0; !this.flush(); tries++) {
      if (tries === 20) throw this.unwritable(this.bucket.refusal as string);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  private flush(): boolean {
    if (this.bucket.refusal !== null) return false;
    for (const line of this.held.splice(0)) this.keep(line);
    return true;
  }

  private unwritable(why: string): LogUnwritable {
    return new LogUnwritable(`${this.place}: ${why}`);
  }
}

function isBeingWritten(name: string): boolean {
  return name.startsWith('.') || name.endsWith('.partial');
}

function nameOf({ stage, group, key }: WorkKey): string {
  return [stage, group, key].filter((part) => part !== undefined).join('-');
}

function safeName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new Error(`${JSON.stringify(name)} can not name a file`);
  return name;
}
