/**
 * Copies a store's finished work, its plans and inputs, and its records into another store, of whatever kind. What is copied
 * keeps its name, so manifests and plans are the same bytes in both.
 *
 * A manifest is committed when all that it leads to is there, a record when its plan is, and nothing that stands in the
 * target is replaced by something else. So a copy can be ended at any moment and begun again, while both stores are in use.
 */
import pLimit from 'p-limit';
import type { ArtifactRef } from '../experiment/plan';
import { type CopiedFolder, copyRecord, recordsAmong } from './copy-records';
import { fullReferencesIn, type Inventory } from './inventory';
import { isSameManifest, parseManifest } from './manifest';
import { ArtifactDamaged, ArtifactMissing, type Manifest, type Stage, type Store, type WorkKey } from './store';

const STAGES: readonly Stage[] = ['adapters', 'completions', 'judgements', 'measurements', 'handoffs'];
const WORKS_AT_ONCE = 16;
/** Each holds a few parts of 8 MiB where the target is object storage. */
const FILES_AT_ONCE = 4;
/** Documents are read whole to find what they lead to: larger ones one after the other. */
const LARGE_BYTES = 64 << 20;

export type Place = Store & { inventory(): Inventory };

export interface CopyOptions {
  /** Which finished work and which records; absent = all. */
  selection?: Selection;
  /** Says what would be done, and writes nothing. */
  dryRun?: boolean;
  /** Puts the source's record of an experiment where the target has one of another plan. */
  replaceRecords?: boolean;
  progress?: (sofar: Copied) => void;
}

export interface Selection {
  work(work: WorkKey): boolean;
  experiment(name: string): boolean;
}

/** `why` something was left out, in words for a person. */
export interface LeftOut {
  uri: string;
  why: string;
}

export interface Count {
  copied: number;
  /** Was in the target already. */
  there: number;
}

export interface Copied {
  /** Pieces of finished work. */
  work: Count;
  files: Count;
  /** Of the files that were copied. */
  bytes: number;
  records: Count;
  /** Pieces of work that have no manifest: what they have so far is not copied. */
  unfinished: number;
  /** The target has something else in that place, which stays. */
  conflicts: LeftOut[];
  /** Gone from the source, or other bytes than its hash says. */
  damaged: LeftOut[];
}

/** `target`: null for one that is not there yet, of which only a dry run has a use. */
export async function copyStore(source: Place, target: Place | null, options: CopyOptions = {}): Promise<Copied> {
  if (source.id === target?.id) throw new Error(`both are the store ${source.id}: there is nothing to copy`);
  return new StoreCopy(source, target, options).run();
}

/** Work by the folder of its manifest; null for what is none. */
export function workOf(folder: string): WorkKey | null {
  const [stage, ...parts] = folder.split('/');
  const grouped = stage === 'completions' || stage === 'judgements';
  if (!STAGES.includes(stage as Stage) || parts.length !== (grouped ? 2 : 1)) return null;
  const [group, key] = grouped ? (parts as [string, string]) : [undefined, parts[0] as string];
  return { stage: stage as Stage, ...(group === undefined ? {} : { group }), key };
}

class StoreCopy {
  private readonly copied: Copied = {
    work: { copied: 0, there: 0 },
    files: { copied: 0, there: 0 },
    bytes: 0,
    records: { copied: 0, there: 0 },
    unfinished: 0,
    conflicts: [],
    damaged: [],
  };
  /** Sizes by name, as both were when the copy began. */
  private readonly sizes = { source: new Map<string, number>(), target: new Map<string, number>() };
  /** What is being copied, or was: several documents may lead to a file. */
  private readonly files = new Map<string, Promise<boolean>>();
  private readonly transfers = pLimit(FILES_AT_ONCE);
  private readonly one = pLimit(1);
  private readonly from: Inventory;
  private readonly to: Inventory | null;

  constructor(
    private readonly source: Place,
    private readonly target: Place | null,
    private readonly options: CopyOptions,
  ) {
    this.from = source.inventory();
    this.to = target?.inventory() ?? null;
  }

  async run(): Promise<Copied> {
    for await (const { uri, bytes } of this.from.files()) this.sizes.source.set(uri, bytes);
    if (this.to !== null) for await (const { uri, bytes } of this.to.files()) this.sizes.target.set(uri, bytes);
    const folders = new Set([...this.sizes.source.keys()].flatMap((uri) => folderOfWork(uri) ?? []));
    const works = [...folders].flatMap((folder) => {
      const work = workOf(folder);
      return work !== null && this.options.selection?.work(work) !== false ? [{ folder, work }] : [];
    });
    for (const stage of STAGES) {
      const own = works.filter(({ work }) => work.stage === stage);
      await pLimit(WORKS_AT_ONCE).map(own, ({ folder, work }) => this.copyWork(folder, work));
    }
    await this.copyRecords();
    return this.copied;
  }

  private async copyWork(folder: string, work: WorkKey): Promise<void> {
    const uri = `${folder}/manifest.json`;
    const manifest = await manifestIn(this.from, this.sizes.source.has(uri) ? uri : null);
    if (manifest === null) {
      this.copied.unfinished += 1;
      return;
    }
    const standing = await manifestIn(this.to, this.sizes.target.has(uri) ? uri : null);
    // also where its files are gone: some of them may be among what would be copied, and then `commit` would find it whole
    if (standing !== null && !isSameManifest(standing, manifest))
      return this.conflict(uri, 'the target has this work with other results');
    if (standing !== null && this.isWhole(standing)) {
      this.copied.work.there += 1;
      return;
    }
    if (!(await this.copyAll(fullReferencesIn(manifest)))) return;
    if (this.target !== null && !this.isDry) {
      await this.copyReports(work, this.target);
      if (!isSameManifest(await this.target.commit(work, manifest), manifest))
        return this.conflict(uri, 'the target got this work with other results meanwhile');
    }
    this.copied.work.copied += 1;
    this.progress();
  }

  /** What attempts at judgements said of their end: the report counts what they met. */
  private async copyReports(work: WorkKey, target: Store): Promise<void> {
    if (work.stage !== 'judgements') return;
    for (const attempt of await this.source.attempts(work)) {
      const names = (await attempt.list()).filter((name) => name.endsWith('.json'));
      const texts = await Promise.all(names.map(async (name) => ({ name, text: await attempt.read(name) })));
      const own = await target.attempt(work, attempt.name);
      for (const { name, text } of texts) if (text !== null) await own.create(name, text);
    }
  }

  private async copyRecords(): Promise<void> {
    const refused = new Set<string>();
    for (const { folder, name } of recordsAmong(this.sizes.source.keys())) {
      if (folder !== 'healed' && this.options.selection?.experiment(name) === false) continue;
      // what one experiment spent is not to count against the cap of another one of that name
      if (folder === 'spending' && refused.has(name)) continue;
      const isInTarget = await this.copyRecord(folder, name);
      if (folder === 'experiments' && !isInTarget) refused.add(name);
    }
  }

  /** True when the target has it. */
  private async copyRecord(folder: CopiedFolder, name: string): Promise<boolean> {
    const text = await this.source.readRecord(folder, name);
    if (text === null) return false;
    if (folder === 'experiments' && !(await this.copyAll(referencesOf(text)))) return false;
    const { replaceRecords = false } = this.options;
    const result = await copyRecord(
      this.target,
      { folder, name, text },
      { replace: replaceRecords, dryRun: this.isDry },
    );
    if (result !== 'conflict') {
      this.copied.records[result] += 1;
      return true;
    }
    this.conflict(`${folder}/${name}`, 'the target has the record of another plan (--replace-records takes this one)');
    return false;
  }

  /** True when all are in the target. */
  private async copyAll(refs: readonly ArtifactRef[]): Promise<boolean> {
    return (await Promise.all(refs.map((ref) => this.file(ref)))).every((there) => there);
  }

  private file(ref: ArtifactRef): Promise<boolean> {
    const known = this.files.get(ref.uri);
    if (known !== undefined) return known;
    const copying = this.copyFile(ref);
    this.files.set(ref.uri, copying);
    return copying;
  }

  private async copyFile(ref: ArtifactRef): Promise<boolean> {
    try {
      if (ref.uri.endsWith('.json') && !(await this.copyAll(await this.leadsTo(ref)))) return false;
      return await this.transfers(() => this.transfer(ref));
    } catch (error) {
      if (!(error instanceof ArtifactDamaged)) throw error;
      this.copied.damaged.push({ uri: ref.uri, why: error.message });
      return false;
    }
  }

  private async leadsTo(ref: ArtifactRef): Promise<ArtifactRef[]> {
    const read = async (): Promise<ArtifactRef[]> => referencesOf((await this.source.read(ref)).toString('utf8'));
    return ref.bytes > LARGE_BYTES ? this.one(read) : read();
  }

  private async transfer(ref: ArtifactRef): Promise<boolean> {
    const { uri, bytes } = ref;
    const standing = this.sizes.target.get(uri);
    if (standing !== undefined && (await this.isSame(ref, standing))) {
      this.copied.files.there += 1;
      return true;
    }
    // a file that is called by its hash and has other bytes is damaged, and is mended
    if (standing !== undefined && !isCalledByHash(ref)) {
      this.conflict(uri, 'the target has another file of this name');
      return false;
    }
    if (!this.sizes.source.has(uri) && (await this.from.hash(uri)) === null)
      throw new ArtifactMissing(`${uri} is gone from the source`);
    if (!this.isDry) {
      await this.to?.put(uri, this.from.open(uri), ref);
      this.sizes.target.set(uri, bytes);
    }
    this.copied.files.copied += 1;
    this.copied.bytes += bytes;
    this.progress();
    return true;
  }

  /** What is called by its hash was held against it when it was put there. */
  private async isSame(ref: ArtifactRef, bytes: number): Promise<boolean> {
    if (bytes !== ref.bytes) return false;
    return isCalledByHash(ref) || (await this.to?.hash(ref.uri))?.sha256 === ref.sha256;
  }

  private isWhole(manifest: Manifest): boolean {
    return fullReferencesIn(manifest).every(({ uri, bytes }) => this.sizes.target.get(uri) === bytes);
  }

  private get isDry(): boolean {
    return this.options.dryRun === true;
  }

  private conflict(uri: string, why: string): void {
    this.copied.conflicts.push({ uri, why });
  }

  private progress(): void {
    this.options.progress?.(this.copied);
  }
}

/** Null for what is not there, torn, or put aside. */
async function manifestIn(inventory: Inventory | null, uri: string | null): Promise<Manifest | null> {
  if (inventory === null || uri === null) return null;
  return parseManifest((await inventory.read(uri))?.toString('utf8') ?? null);
}

/** The folder of the work that a file belongs to; null for none. Turns at a judge's batches are nobody's work. */
function folderOfWork(uri: string): string | null {
  const parts = uri.split('/');
  if (parts[0] === 'judgements' && parts[1] === 'batches') return null;
  const length = parts[0] === 'completions' || parts[0] === 'judgements' ? 3 : 2;
  const folder = parts.slice(0, length).join('/');
  return parts.length > length && workOf(folder) !== null ? folder : null;
}

function isCalledByHash({ uri, sha256 }: ArtifactRef): boolean {
  return uri.startsWith('blobs/') && uri.includes(sha256);
}

/** What a document leads to; nothing for what is no JSON. */
function referencesOf(text: string): ArtifactRef[] {
  try {
    return fullReferencesIn(JSON.parse(text));
  } catch {
    return [];
  }
}
