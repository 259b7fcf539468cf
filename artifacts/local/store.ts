/**
 * The store in a local (or shared POSIX) folder.
 *
 *     store.json                                   the store's id
 *     blobs/ab/abcd….jsonl                         bytes by their hash
 *     adapters/KEY/manifest.json                   one manifest per key, created exclusively (create-exclusive.ts): the first wins
 *     adapters/KEY/broken-….json                   a manifest that was taken out of its place, since its files are not what it says
 *     adapters/KEY/begun.txt                       its attempts after the first, in the order in which they were begun (attempt-order.ts)
 *     adapters/KEY/attempts/ATTEMPT/…              what one attempt wrote: small files, logs, and its working copy
 *     judgements/…/KEY/attempts/batches/…          small files that all attempts share (store.ts, SHARED_PLACES)
 *     completions/CONTEXT/KEY/…, judgements/CONTEXT-INSTRUMENT/KEY/…
 *     measurements/KEY/…, handoffs/KEY/…
 *     leases/…, experiments/NAME, spending/NAME, permits/NAME, healed/NAME
 *     checked-out/…                                links to files that a program wants to find together
 *     tmp/…                                        files that are being written
 */
import { randomUUID } from 'node:crypto';
import { rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import pLimit from 'p-limit';
import { z } from 'zod';
import { keyOf, sha256, type Sha256 } from '../../experiment/canonical';
import type { ArtifactRef } from '../../experiment/plan';
import { hashFile } from '../hash-file';
import type { Inventory } from '../inventory';
import { isSameManifest, parseManifest } from '../manifest';
import { privateFolder } from '../private-files';
import { InvalidReference } from '../reference';
import {
  ArtifactDamaged,
  ArtifactMissing,
  type Attempt,
  type Lease,
  MADE_ANEW,
  type Manifest,
  type RecordFolder,
  SHARED_PLACES,
  type SharedPlace,
  type SmallFiles,
  type Stage,
  type Store,
  StoreAbsent,
  type WorkKey,
} from '../store';
import { createExclusive, readExclusive } from './create-exclusive';
import { beginAttempt, inOrderOfBeginning } from './attempt-order';
import { LocalAttempt, LocalSmallFiles } from './attempts';
import {
  appendLine,
  createOnce,
  IDENTITY,
  isAbsence,
  modesIn,
  namesIn,
  readIfPresent,
  refuseAway,
  renameIfPresent,
  replaceFile,
  safeName,
  sizeOf,
  whileThere,
} from './files';
import { localInventory } from './inventory';
import { takeLease } from './leases';
import { quickRead } from './quick';

/** Read side by side: enough to hide a disk's or a mount's answering times, and few descriptors. */
const FILES_AT_ONCE = 16;

export class LocalStore implements Store {
  private constructor(
    readonly root: string,
    readonly id: string,
  ) {}

  /**
   * Opens the store at `root`. When there is none it is made: two processes may do so at once, they get the same id. With
   * `make: false` none is made, with `onlyRead` nothing is written at all, and `StoreAbsent` is thrown.
   */
  static async open(
    root: string,
    { make = true, onlyRead = false }: { make?: boolean; onlyRead?: boolean } = {},
  ): Promise<LocalStore> {
    const folder = resolve(root);
    const about = join(folder, IDENTITY);
    const makeTmp = (): Promise<void> => privateFolder(join(folder, 'tmp'), modesIn(folder).folder);
    if (make && !onlyRead) {
      await privateFolder(folder);
      await makeTmp();
      await createOnce(folder, about, JSON.stringify({ format: 1, id: randomUUID() }) + '\n');
    }
    const { format, id } = identityOf(about, readIdentity(folder, about));
    if (format !== 1) throw new Error(`${about}: store format ${format} is not known to this version of Flamingo`);
    // whatever brought a store back here may have passed over its empty folders
    if (!onlyRead) await makeTmp();
    return new LocalStore(folder, id);
  }

  inventory(): Inventory {
    return localInventory(this.root, (uri) => this.path(uri));
  }

  async putBytes(bytes: string | Uint8Array, suffix: string): Promise<ArtifactRef> {
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes;
    const hash = sha256(data);
    const uri = `blobs/${hash.slice(0, 2)}/${hash}${suffix}`;
    const path = this.path(uri);
    // one with other bytes is damaged, whatever it is called; putting the same bytes in its place harms no reader
    const there = (await sizeOf(this.root, path)) === data.byteLength && (await hashFile(path)) === hash;
    if (!there) await replaceFile(this.root, path, data);
    return { uri, sha256: hash, bytes: data.byteLength };
  }

  async read(ref: ArtifactRef): Promise<Buffer> {
    const bytes = await this.present(ref, (path) => quickRead(path, ref.bytes));
    refuseOther(this.path(ref.uri), sha256(bytes), ref);
    return bytes;
  }

  async checkOut(ref: ArtifactRef): Promise<string> {
    const path = this.path(ref.uri);
    refuseOther(path, await this.present(ref, hashFile), ref);
    return path;
  }

  /** An adapter's files lie together as the trainer left them. Others are put together by links. */
  async checkOutFolder(files: Record<string, ArtifactRef>): Promise<string> {
    const named: { name: string; path: string }[] = [];
    for (const [name, ref] of Object.entries(files))
      named.push({ name: safeName(name), path: await this.checkOut(ref) });
    const folders = new Set(named.map(({ name, path }) => (basename(path) === name ? dirname(path) : null)));
    const [together] = folders;
    if (folders.size === 1 && typeof together === 'string') return together;
    const folder = this.path(`checked-out/${keyOf(named.map(({ name, path }) => [name, path]))}`);
    await privateFolder(folder, modesIn(this.root).folder);
    for (const { name, path } of named) await symlinkIfAbsent(path, join(folder, name));
    return folder;
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
      await this.setAside(path, async (text) => (await this.ifIntact(text)) === null);
    }
    return manifest;
  }

  async putAside(work: WorkKey, manifest: Manifest): Promise<boolean> {
    const path = join(this.workFolder(work), 'manifest.json');
    const isIt = (text: string): boolean => isSameManifest(parseManifest(text), manifest);
    // looked at first: what is right is not moved, not even for a moment
    const standing = await readIfPresent(this.root, path);
    return standing !== null && isIt(standing) && this.setAside(path, isIt);
  }

  async survey(stage: Stage, group: string): Promise<{ committed: Manifest[]; open: WorkKey[] }> {
    const folder = this.path(`${stage}/${group}`);
    const keys = await namesIn(this.root, folder);
    const manifests = await pLimit(FILES_AT_ONCE).map(keys, (key) => this.intact(join(folder, key, 'manifest.json')));
    return {
      committed: manifests.filter((manifest) => manifest !== null),
      open: keys.filter((_, index) => manifests[index] === null).map((key) => ({ stage, group, key })),
    };
  }

  async manifests(stage: Stage, group: string): Promise<Manifest[]> {
    return (await this.survey(stage, group)).committed;
  }

  async openWork(stage: Stage, group: string): Promise<WorkKey[]> {
    return (await this.survey(stage, group)).open;
  }

  async attempt(work: WorkKey, name: string): Promise<Attempt> {
    if (isSharedPlace(name)) throw new Error(`an attempt can not be called ${name}`);
    const folder = join(this.attemptsFolder(work), safeName(name));
    await beginAttempt(this.root, folder, this.begunAttempts(work));
    return this.attemptIn(folder, work);
  }

  async attempts(work: WorkKey): Promise<Attempt[]> {
    const parent = this.attemptsFolder(work);
    const names = (await namesIn(this.root, parent)).filter((name) => !isSharedPlace(name));
    const inOrder = await inOrderOfBeginning(this.root, parent, names, this.begunAttempts(work));
    return inOrder.map((name) => this.attemptIn(join(parent, name), work));
  }

  shared(work: WorkKey, place: SharedPlace): SmallFiles {
    return new LocalSmallFiles(this.root, join(this.attemptsFolder(work), place));
  }

  async readRecord(folder: RecordFolder, name: string): Promise<string | null> {
    return readIfPresent(this.root, this.path(`${folder}/${safeName(name)}`));
  }

  async writeRecord(folder: RecordFolder, name: string, text: string): Promise<void> {
    await replaceFile(this.root, this.path(`${folder}/${safeName(name)}`), text);
  }

  async appendRecord(folder: RecordFolder, name: string, line: string): Promise<void> {
    await appendLine(this.root, this.path(`${folder}/${safeName(name)}`), line);
  }

  async lease(work: WorkKey, holder: string, seconds: number): Promise<Lease> {
    const path = this.path(`leases/${[work.stage, work.group, work.key].filter(Boolean).join('-')}.json`);
    return takeLease(this.root, path, `${work.stage} ${work.key.slice(0, 12)}`, holder, seconds);
  }

  /** Resolves a store-relative URI; one that would leave the store is refused (URIs come from histories and manifests). */
  private path(uri: string): string {
    const path = resolve(this.root, uri);
    if (!path.startsWith(this.root.endsWith(sep) ? this.root : this.root + sep)) {
      throw new InvalidReference(`artifact URI ${JSON.stringify(uri)} leaves the store`);
    }
    return path;
  }

  /**
   * The manifest at `path`. One that can not be read or has another shape, or whose files are gone or of another size, counts as absent: then
   * the work is open and is done again. Bytes changed in place are found by `read` and `checkOut`, which hash them.
   */
  private async intact(path: string): Promise<Manifest | null> {
    return this.ifIntact(await readIfPresent(this.root, path));
  }

  private async ifIntact(text: string | null): Promise<Manifest | null> {
    const manifest = parseManifest(text);
    if (manifest === null) return null;
    const refs = [...Object.values(manifest.results), ...Object.values(manifest.provenance)];
    const sizes = await Promise.all(refs.map(({ uri }) => sizeOf(this.root, this.path(uri))));
    return refs.every(({ bytes }, index) => sizes[index] === bytes) ? manifest : null;
  }

  /**
   * Frees the place of a manifest of which `wrong` is true; true when it was this call that did. Should another committer have
   * filled the place in the meantime, its manifest returns.
   */
  private async setAside(path: string, wrong: (text: string) => boolean | Promise<boolean>): Promise<boolean> {
    const aside = join(dirname(path), `broken-${randomUUID()}.json`);
    await renameIfPresent(this.root, path, aside);
    const text = await readIfPresent(this.root, aside);
    if (text === null) return false;
    if (await wrong(text)) return true;
    createExclusive(aside, path);
    await rm(aside, { recursive: true });
    return false;
  }

  /** What `read` gives of a file. Throws `ArtifactMissing`, which is said to be for good: only of a store that is there. */
  private async present<T>({ uri }: ArtifactRef, read: (path: string) => Promise<T>): Promise<T> {
    const path = this.path(uri);
    const again = async (error: unknown): Promise<T> => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      refuseAway(this.root);
      return read(path); // it may have come back since
    };
    try {
      return await read(path).catch(again);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      refuseAway(this.root);
      throw new ArtifactMissing(`${path} is gone. ${MADE_ANEW}`, { cause: error });
    }
  }

  private workFolder({ stage, group, key }: WorkKey): string {
    return this.path([stage, group, key].filter((part) => part !== undefined).join('/'));
  }

  private attemptsFolder(work: WorkKey): string {
    return join(this.workFolder(work), 'attempts');
  }

  private begunAttempts(work: WorkKey): string {
    return join(this.workFolder(work), 'begun.txt');
  }

  private attemptIn(folder: string, work: WorkKey): Attempt {
    return new LocalAttempt(this.root, folder, work, basename(folder), (path) => this.adopt(path));
  }

  /** Describes a finished file that lies inside the store. */
  private async adopt(path: string): Promise<ArtifactRef> {
    const uri = relative(this.root, path).split(sep).join('/');
    const hash = await whileThere(this.root, () => hashFile(this.path(uri)));
    return { uri, sha256: hash, bytes: (await stat(path)).size };
  }
}

function readIdentity(folder: string, path: string): string {
  try {
    return readExclusive(path);
  } catch (error) {
    if (!isAbsence(error)) throw error;
    throw new StoreAbsent(`${folder} is no store: it has no ${IDENTITY}`, { cause: error });
  }
}

function identityOf(path: string, text: string): { format: number; id: string } {
  try {
    return z.looseObject({ format: z.number(), id: z.string() }).parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${path}: not the identity of a store; put the file back, or name another folder`, {
      cause: error,
    });
  }
}

function isSharedPlace(name: string): boolean {
  return (SHARED_PLACES as readonly string[]).includes(name);
}

function refuseOther(path: string, found: Sha256, { sha256: expected }: ArtifactRef): void {
  if (found === expected) return;
  throw new ArtifactDamaged(`${path} has SHA-256 ${found}, expected ${expected}. ${MADE_ANEW}`);
}

async function symlinkIfAbsent(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
