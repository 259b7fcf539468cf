/**
 * The store in object storage: `s3://bucket/prefix`.
 *
 *     store.json                                    the store's id
 *     blobs/ab/abcd….jsonl                          bytes by their hash
 *     adapters/KEY/manifest.json                    one manifest per key, created by a conditional put: the first wins
 *     adapters/KEY/broken-….json                    a manifest that was put aside, since its files are not what it says
 *     adapters/KEY/begun/00000001-ATTEMPT           the attempts, in the order in which they were begun
 *     adapters/KEY/attempts/ATTEMPT/files/NAME      small files of an attempt
 *     adapters/KEY/attempts/ATTEMPT/logs/NAME/…     its logs, in segments (log.ts)
 *     adapters/KEY/synced/ATTEMPT/…                 what of its working copy was synced (workspace.ts)
 *     judgements/…/KEY/shared/batches/NAME          small files that all attempts share (store.ts, SHARED_PLACES)
 *     completions/CONTEXT/KEY/…, judgements/CONTEXT-INSTRUMENT/KEY/…, measurements/KEY/…, handoffs/KEY/…
 *     leases/…, experiments/NAME, permits/NAME
 *     spending/NAME.lines/…, healed/NAME.lines/…     records that are appended to (records.ts)
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import pLimit from 'p-limit';
import { z } from 'zod';
import { sha256 } from '../../experiment/canonical';
import type { ArtifactRef } from '../../experiment/plan';
import { documentOrNull } from '../documents';
import { isInside, realPathInside } from '../inside';
import type { Inventory } from '../inventory';
import { safeName } from '../local/files';
import { isSameManifest, parseManifest } from '../manifest';
import { InvalidReference } from '../reference';
import {
  type Attempt,
  type Lease,
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
import { checkedUri, named, parseAddress } from './address';
import { attemptOf, S3Attempt, S3SmallFiles } from './attempts';
import { Cache, type CacheOptions } from './cache';
import { connect, type ClientOptions } from './client';
import { s3Inventory } from './inventory';
import { Leases } from './leases';
import { Objects } from './objects';
import { Records } from './records';
import { absent, damaged, downloadFile, uploadFile } from './transfer';
import { SyncedFolder } from './workspace';

/** Asked for side by side: enough to hide answering times. */
const REQUESTS_AT_ONCE = 32;

export interface S3StoreOptions extends ClientOptions {
  /** False: `StoreAbsent` is thrown where there is no store. */
  make?: boolean;
  /** Nothing is written, not even to try out conditions. */
  onlyRead?: boolean;
  /** `s3://bucket/prefix`. */
  address: string;
  /** A folder of this machine for working copies of attempts. */
  workingCopies: string;
  cache: CacheOptions;
}

export class S3Store implements Store {
  private readonly leases: Leases;
  private readonly records: Records;
  private readonly cache: Cache;
  /** By the folders that this process asked for. */
  private readonly synced = new Map<string, SyncedFolder>();

  private constructor(
    private readonly objects: Objects,
    readonly id: string,
    private readonly workingCopies: string,
    cache: CacheOptions,
  ) {
    this.leases = new Leases(objects);
    this.records = new Records(objects);
    this.cache = new Cache({ ...cache, folder: join(cache.folder, id) });
  }

  /** Opens the store. When there is none it is made, or `StoreAbsent` is thrown. Throws when the server does not honour conditions: then two could commit. */
  static async open({ make = true, onlyRead, workingCopies, cache, ...where }: S3StoreOptions): Promise<S3Store> {
    const objects = new Objects(connect(where), parseAddress(where.address));
    if (!onlyRead) await requireConditions(objects);
    let text = await objects.text('store.json');
    if (text === null && make && !onlyRead) {
      await objects.create('store.json', JSON.stringify({ format: 1, id: randomUUID() }) + '\n');
      text = await objects.text('store.json');
    }
    if (text === null) throw new StoreAbsent(`${where.address} is no store: it has no store.json`);
    const about = documentOrNull<z.infer<typeof IDENTITY>>(text, IDENTITY);
    const place = named(objects.address, 'store.json');
    if (about === null)
      throw new Error(`${place}: not the identity of a store; put the object back, or name another prefix`);
    if (about.format !== 1)
      throw new Error(`${place}: store format ${about.format} is not known to this version of Flamingo`);
    return new S3Store(objects, about.id, join(workingCopies, about.id), cache);
  }

  inventory(): Inventory {
    return s3Inventory(this.objects);
  }

  /** Ends its connections. */
  close(): void {
    this.objects.client.destroy();
  }

  /** Runs an operation, for whose time the files that it checks out stay on this machine. */
  during<T>(operation: () => Promise<T>): Promise<T> {
    return this.cache.during(operation);
  }

  /** Always written: that asks for no answer about bytes that may be damaged, and puts right ones in their place. */
  async putBytes(bytes: string | Uint8Array, suffix: string): Promise<ArtifactRef> {
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes;
    const hash = sha256(data);
    const uri = blobUri(hash, suffix);
    await this.objects.put(uri, data);
    return { uri, sha256: hash, bytes: data.byteLength };
  }

  async read(ref: ArtifactRef): Promise<Buffer> {
    const key = checkedUri(ref.uri);
    for (let round = 1; ; round++) {
      const found = await this.objects.get(key);
      if (found === null) throw absent(named(this.objects.address, key));
      const hash = sha256(found.bytes);
      if (hash === ref.sha256) return found.bytes;
      // the second time it is no fault of the way
      if (round === 2) throw damaged(named(this.objects.address, key), hash, ref);
    }
  }

  async checkOut(ref: ArtifactRef): Promise<string> {
    const key = checkedUri(ref.uri);
    const standing = await this.objects.head(key);
    if (standing === null) throw absent(named(this.objects.address, key));
    return this.cache.file(ref, standing.etag, (_, path) => downloadFile(this.objects, key, path, ref));
  }

  async checkOutFolder(files: Record<string, ArtifactRef>): Promise<string> {
    const links: { name: string; path: string }[] = [];
    for (const [name, ref] of Object.entries(files))
      links.push({ name: safeName(name), path: await this.checkOut(ref) });
    return this.cache.together(links);
  }

  async manifest(work: WorkKey): Promise<Manifest | null> {
    return (await this.standing(work)).intact;
  }

  async commit(work: WorkKey, manifest: Manifest): Promise<Manifest> {
    const key = `${folderOf(work)}manifest.json`;
    const text = JSON.stringify(manifest, null, 2) + '\n';
    for (;;) {
      if (await this.objects.create(key, text)) break;
      const { intact, etag } = await this.standing(work);
      if (intact !== null) return intact;
      if (etag !== null && (await this.objects.replace(key, text, etag))) break;
    }
    await this.dropWorkingCopies(work);
    return manifest;
  }

  /** What stands is replaced by a note that it was, in one step; a copy is kept beside it. */
  async putAside(work: WorkKey, manifest: Manifest): Promise<boolean> {
    const folder = folderOf(work);
    const found = await this.objects.get(`${folder}manifest.json`);
    if (found === null || !isSameManifest(parseManifest(found.bytes.toString('utf8')), manifest)) return false;
    const aside = `broken-${randomUUID()}.json`;
    await this.objects.put(folder + aside, found.bytes);
    return this.objects.replace(`${folder}manifest.json`, JSON.stringify({ putAside: aside }) + '\n', found.etag);
  }

  async survey(stage: Stage, group: string): Promise<{ committed: Manifest[]; open: WorkKey[] }> {
    const works = (await this.objects.folders(`${stage}/${group}/`)).map((key): WorkKey => ({ stage, group, key }));
    const manifests = await pLimit(REQUESTS_AT_ONCE).map(works, (work) => this.manifest(work));
    return {
      committed: manifests.filter((manifest) => manifest !== null),
      open: works.filter((_, index) => manifests[index] === null),
    };
  }

  async manifests(stage: Stage, group: string): Promise<Manifest[]> {
    return (await this.survey(stage, group)).committed;
  }

  async openWork(stage: Stage, group: string): Promise<WorkKey[]> {
    return (await this.survey(stage, group)).open;
  }

  async attempt(work: WorkKey, name: string): Promise<Attempt> {
    if ((SHARED_PLACES as readonly string[]).includes(name)) throw new Error(`an attempt can not be called ${name}`);
    safeName(name);
    const begun = await this.begun(work);
    if (!begun.some((each) => each.name === name)) {
      const number = String((begun.at(-1)?.number ?? 0) + 1).padStart(8, '0');
      await this.objects.put(`${folderOf(work)}begun/${number}-${name}`, '');
    }
    return this.handle(work, name);
  }

  async attempts(work: WorkKey): Promise<Attempt[]> {
    return [...new Set((await this.begun(work)).map(({ name }) => name))].map((name) => this.handle(work, name));
  }

  shared(work: WorkKey, place: SharedPlace): SmallFiles {
    return new S3SmallFiles(this.objects, `${folderOf(work)}shared/${place}/`);
  }

  async readRecord(folder: RecordFolder, name: string): Promise<string | null> {
    return this.records.read(`${folder}/${safeName(name)}`);
  }

  async writeRecord(folder: RecordFolder, name: string, text: string): Promise<void> {
    await this.objects.put(`${folder}/${safeName(name)}`, text);
  }

  async appendRecord(folder: RecordFolder, name: string, line: string): Promise<void> {
    await this.records.append(`${folder}/${safeName(name)}`, line);
  }

  async lease(work: WorkKey, holder: string, seconds: number): Promise<Lease> {
    const key = `leases/${[work.stage, work.group, work.key].filter(Boolean).join('-')}.json`;
    return this.leases.take(checkedUri(key), `${work.stage} ${work.key.slice(0, 12)}`, holder, seconds);
  }

  /** Bytes changed in place, as many, are found by `read` and `checkOut`, which hash them. */
  private async standing(work: WorkKey): Promise<{ intact: Manifest | null; etag: string | null }> {
    const found = await this.objects.get(`${folderOf(work)}manifest.json`);
    if (found === null) return { intact: null, etag: null };
    const manifest = parseManifest(found.bytes.toString('utf8'));
    if (manifest === null) return { intact: null, etag: found.etag };
    const refs = [...Object.values(manifest.results), ...Object.values(manifest.provenance)];
    const sizes = await Promise.all(refs.map(({ uri }) => this.objects.head(checkedUri(uri))));
    const intact = refs.every(({ bytes }, index) => sizes[index]?.bytes === bytes);
    return { intact: intact ? manifest : null, etag: found.etag };
  }

  /** In the order in which they were begun; those of the same moment by name. */
  private async begun(work: WorkKey): Promise<{ number: number; name: string }[]> {
    const found: { number: number; name: string }[] = [];
    for await (const { key } of this.objects.list(`${folderOf(work)}begun/`)) found.push(attemptOf(key));
    return found.sort((a, b) => a.number - b.number || (a.name < b.name ? -1 : 1));
  }

  private handle(work: WorkKey, name: string): Attempt {
    const root = folderOf(work);
    const folder = join(this.workingCopies, ...root.split('/'), name);
    return new S3Attempt(this.objects, `${root}attempts/${name}/`, work, name, async () => {
      const synced = this.synced.get(folder) ?? new SyncedFolder(this.objects, `${root}synced/${name}/`, folder);
      this.synced.set(folder, synced);
      await synced.fetch();
      return { path: folder, keep: (path) => this.keep(folder, path), sync: (wholeUntil) => synced.sync(wholeUntil) };
    });
  }

  /** Only what lies in the working copies, links followed: a program may have put a link to something of this machine's. */
  private async keep(folder: string, path: string): Promise<ArtifactRef> {
    const place = await realPathInside(this.workingCopies, resolve(folder, path));
    if (place === null) throw new InvalidReference(`${path} does not lie in a working copy`);
    let uri = '';
    const about = await uploadFile(this.objects, place, ({ sha256: hash }) => (uri = blobUri(hash, extname(place))));
    return { uri, ...about };
  }

  /** What was written on the way to work that is done. */
  private async dropWorkingCopies(work: WorkKey): Promise<void> {
    const folder = join(this.workingCopies, ...folderOf(work).split('/'));
    for (const path of this.synced.keys()) if (isInside(folder, path)) this.synced.delete(path);
    await rm(folder, { recursive: true, force: true });
  }
}

const IDENTITY = z.looseObject({ format: z.number(), id: z.string().regex(/^[\w-]+$/) });

function blobUri(hash: string, suffix: string): string {
  return `blobs/${hash.slice(0, 2)}/${hash}${suffix}`;
}

/** Ends in `/`. */
function folderOf({ stage, group, key }: WorkKey): string {
  return `${checkedUri([stage, group, key].filter((part) => part !== undefined).join('/'))}/`;
}

/** Everything rests on conditional puts. A server that takes them for plain ones would let the last committer win. */
async function requireConditions(objects: Objects): Promise<void> {
  const key = `tmp/${randomUUID()}`;
  const first = await objects.create(key, 'first');
  const second = await objects.create(key, 'second');
  await objects.remove([key]);
  if (first && !second) return;
  throw new Error(
    `the server of s3://${objects.address.bucket} does not honour conditional puts (If-None-Match: *), on which commits ` +
      'rest; docs/store.md names servers that do',
  );
}
