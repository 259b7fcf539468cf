/**
 * The store in a local (or shared POSIX) folder.
 *
 *     store.json                                   the store's id
 *     blobs/ab/abcd….jsonl                         bytes by their hash
 *     adapters/KEY/manifest.json                   one manifest per key, created with link(2): the first wins
 *     adapters/KEY/broken-….json                   a manifest whose files were gone when the work was committed again
 *     adapters/KEY/attempts/ATTEMPT/…              what one attempt wrote
 *     completions/CONTEXT/KEY/…, judgements/CONTEXT-INSTRUMENT/KEY/…
 *     measurements/KEY/…
 *     leases/…, experiments/NAME, spending/NAME
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import pLimit from 'p-limit';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { sha256, type Sha256 } from '../../experiment/canonical';
import type { ArtifactRef } from '../../experiment/plan';
import {
  ArtifactDamaged,
  Busy,
  type Lease,
  type Manifest,
  type RecordFolder,
  type Stage,
  type Store,
  type WorkKey,
} from '../store';

/** Enough to hide a disk's or a mount's answering times; few descriptors. */
const FILES_AT_ONCE = 16;

export class LocalStore implements Store {
  private constructor(
    readonly root: string,
    readonly id: string,
  ) {}

  /** Opens the store at `root`, making it when absent. Two processes may do so at once: they get the same id. */
  static async open(root: string): Promise<LocalStore> {
    const folder = resolve(root);
    await mkdir(join(folder, 'tmp'), { recursive: true });
    const about = join(folder, 'store.json');
    if ((await readIfPresent(about)) === null) {
      await createOnce(folder, about, JSON.stringify({ format: 1, id: randomUUID() }) + '\n');
    }
    const { format, id } = JSON.parse(await readFile(about, 'utf8')) as { format: number; id: string };
    if (format !== 1) throw new Error(`${about}: store format ${format} is not known to this version of Flamingo`);
    return new LocalStore(folder, id);
  }

  async putBytes(bytes: string | Uint8Array, suffix: string): Promise<ArtifactRef> {
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes;
    const hash = sha256(data);
    const uri = `blobs/${hash.slice(0, 2)}/${hash}${suffix}`;
    const path = this.path(uri);
    // a file of another size is damaged, whatever it is called
    if (!(await createOnce(this.root, path, data)) && (await sizeOf(path)) !== data.byteLength) {
      await replaceFile(this.root, path, data);
    }
    return { uri, sha256: hash, bytes: data.byteLength };
  }

  async adopt(path: string): Promise<ArtifactRef> {
    const uri = relative(this.root, resolve(path)).split(sep).join('/');
    const hash = await hashFile(this.path(uri));
    return { uri, sha256: hash, bytes: (await stat(path)).size };
  }

  async read(ref: ArtifactRef): Promise<Buffer> {
    const bytes = await readFile(this.path(ref.uri));
    const found = sha256(bytes);
    if (found !== ref.sha256) {
      throw new ArtifactDamaged(
        `${this.path(ref.uri)} has SHA-256 ${found}, expected ${ref.sha256}. ` +
          'Delete the file and run the experiment again: what it belongs to is made anew.',
      );
    }
    return bytes;
  }

  async localPath(ref: ArtifactRef): Promise<string> {
    return Promise.resolve(this.path(ref.uri));
  }

  async manifest(work: WorkKey): Promise<Manifest | null> {
    return this.intact(join(this.workFolder(work), 'manifest.json'));
  }

  async commit(work: WorkKey, manifest: Manifest): Promise<Manifest> {
    const path = join(this.workFolder(work), 'manifest.json');
    const text = JSON.stringify(manifest, null, 2) + '\n';
    while (!(await createOnce(this.root, path, text))) {
      const standing = await this.intact(path);
      if (standing !== null) return standing;
      await this.setAside(path);
    }
    return manifest;
  }

  async survey(stage: Stage, group: string): Promise<{ committed: Manifest[]; open: WorkKey[] }> {
    const folder = this.path(`${stage}/${group}`);
    const keys = await namesIn(folder);
    const manifests = await pLimit(FILES_AT_ONCE).map(keys, (key) => this.intact(join(folder, key, 'manifest.json')));
    return {
      committed: manifests.filter((manifest) => manifest !== null),
      open: keys.filter((_, index) => manifests[index] === null).map((key) => ({ stage, group, key })),
    };
  }

  async list(stage: Stage, group: string): Promise<Manifest[]> {
    return (await this.survey(stage, group)).committed;
  }

  async open(stage: Stage, group: string): Promise<WorkKey[]> {
    return (await this.survey(stage, group)).open;
  }

  async attemptFolder(work: WorkKey, attempt: string): Promise<string> {
    const folder = join(this.workFolder(work), 'attempts', safeName(attempt));
    await mkdir(folder, { recursive: true });
    return folder;
  }

  async attemptFolders(work: WorkKey): Promise<string[]> {
    const parent = join(this.workFolder(work), 'attempts');
    const dated = await Promise.all(
      (await namesIn(parent)).map(async (name) => ({ name, born: (await stat(join(parent, name))).birthtimeMs })),
    );
    return dated.sort((a, b) => a.born - b.born || (a.name < b.name ? -1 : 1)).map(({ name }) => join(parent, name));
  }

  async readRecord(folder: RecordFolder, name: string): Promise<string | null> {
    return readIfPresent(this.path(`${folder}/${safeName(name)}`));
  }

  async writeRecord(folder: RecordFolder, name: string, text: string): Promise<void> {
    await replaceFile(this.root, this.path(`${folder}/${safeName(name)}`), text);
  }

  async appendRecord(folder: RecordFolder, name: string, line: string): Promise<void> {
    const path = this.path(`${folder}/${safeName(name)}`);
    await mkdir(dirname(path), { recursive: true });
    await appendFile(path, line.endsWith('\n') ? line : `${line}\n`);
  }

  async lease(work: WorkKey, holder: string, seconds: number): Promise<Lease> {
    const path = this.path(`leases/${[work.stage, work.group, work.key].filter(Boolean).join('-')}.json`);
    const mine = (): string =>
      JSON.stringify({ holder, host: hostname(), pid: process.pid, until: Date.now() + seconds * 1000 });
    if (!(await createOnce(this.root, path, mine()))) {
      const standing = parseLease(await readIfPresent(path));
      if (standing !== null && standing.holder !== holder && isAlive(standing)) {
        throw new Busy(
          `${work.stage} ${work.key.slice(0, 12)} is being made by ${standing.holder} (process ${standing.pid} on ${standing.host})`,
        );
      }
      await replaceFile(this.root, path, mine());
    }
    return {
      renew: async () => {
        if (parseLease(await readIfPresent(path))?.holder === holder) await replaceFile(this.root, path, mine());
      },
      release: async () => {
        if (parseLease(await readIfPresent(path))?.holder === holder) await rm(path, { force: true });
      },
    };
  }

  /** Resolves a store-relative URI; one that would leave the store is refused (URIs come from histories and manifests). */
  private path(uri: string): string {
    const path = resolve(this.root, uri);
    const inside = relative(this.root, path);
    if (inside === '' || inside.startsWith('..') || isAbsolute(inside)) {
      throw new Error(`artifact URI ${JSON.stringify(uri)} leaves the store`);
    }
    return path;
  }

  /**
   * The manifest at `path`. One that can not be read, or whose files are gone or of another size, counts as absent: then
   * the work is open and is done again. Bytes changed in place are found by `read`, which hashes them.
   */
  private async intact(path: string): Promise<Manifest | null> {
    const manifest = parseManifest(await readIfPresent(path));
    if (manifest === null) return null;
    const refs = [...Object.values(manifest.results), ...Object.values(manifest.provenance)];
    const sizes = await Promise.all(refs.map(({ uri }) => sizeOf(this.path(uri))));
    return refs.every(({ bytes }, index) => sizes[index] === bytes) ? manifest : null;
  }

  /** Frees the place of a broken manifest. Should another committer have filled it in the meantime, its manifest returns. */
  private async setAside(path: string): Promise<void> {
    const aside = join(dirname(path), `broken-${randomUUID()}.json`);
    await renameIfPresent(path, aside);
    if ((await this.intact(aside)) === null) return;
    await linkIfAbsent(aside, path);
    await rm(aside);
  }

  private workFolder({ stage, group, key }: WorkKey): string {
    return this.path([stage, group, key].filter((part) => part !== undefined).join('/'));
  }
}

interface StandingLease {
  holder: string;
  host: string;
  pid: number;
  until: number;
}

/** An unreadable lease (its writer was killed in the middle) counts as none. */
function parseLease(text: string | null): StandingLease | null {
  try {
    return text === null ? null : (JSON.parse(text) as StandingLease);
  } catch {
    return null;
  }
}

/** On this host a dead process frees its lease at once; elsewhere only time tells. */
function isAlive(lease: StandingLease): boolean {
  if (lease.until < Date.now()) return false;
  if (lease.host !== hostname()) return true;
  try {
    process.kill(lease.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function safeName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new Error(`${JSON.stringify(name)} can not name a file`);
  return name;
}

function parseManifest(text: string | null): Manifest | null {
  try {
    return text === null ? null : (JSON.parse(text) as Manifest);
  } catch {
    return null;
  }
}

/** Null when there is no such file. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export async function hashFile(path: string): Promise<Sha256> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Writes a temporary file beside the others, flushed to disk, and hands its path to `place`. */
async function staged(
  root: string,
  data: string | Uint8Array,
  place: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = join(root, 'tmp', randomUUID());
  const file = await open(temporary, 'wx');
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await place(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Creates `path` whole or not at all; false when it stood already. link(2) is atomic also on network file systems. */
async function createOnce(root: string, path: string, data: string | Uint8Array): Promise<boolean> {
  if ((await sizeOf(path)) !== null) return false; // link(2) has the last word
  await mkdir(dirname(path), { recursive: true });
  let created = false;
  await staged(root, data, async (temporary) => {
    created = await linkIfAbsent(temporary, path);
  });
  return created;
}

/** False when `path` stood already. */
async function linkIfAbsent(from: string, path: string): Promise<boolean> {
  try {
    await link(from, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

async function renameIfPresent(from: string, path: string): Promise<void> {
  try {
    await rename(from, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function replaceFile(root: string, path: string, data: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await staged(root, data, (temporary) => rename(temporary, path));
}
