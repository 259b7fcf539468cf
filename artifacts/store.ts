/**
 * The store's interface: content-addressed blobs, one manifest per key, and what attempts leave behind on the way.
 *
 * A stage commits by creating its manifest last, if absent. No manifest, no result. Attempts write under their own
 * prefix, so an attempt that lost its lease can not disturb the one that replaced it.
 *
 * Nothing here is a place on a disk, with one exception: programs that read and write files get *working copies*
 * (`Attempt.workspace`, `Store.checkOut`). `local/` keeps everything in a folder and hands out its own files; a store in
 * object storage downloads into a cache and uploads what is kept. test/unit/artifacts/store-suite.ts is the contract in tests.
 */
import type { Sha256 } from '../experiment/canonical';
import type { ArtifactRef } from '../experiment/plan';

/** The stages that commit. `completions` and `judgements` are grouped, so that what a context holds can be listed. */
export type Stage = 'adapters' | 'completions' | 'judgements' | 'measurements' | 'handoffs';

/** Names one piece of work. `group`: the generation context key, or `contextKey-instrumentKey`; none for adapters, measurements and handoffs. */
export interface WorkKey {
  stage: Stage;
  group?: string;
  key: Sha256;
}

/** What a stage leaves behind. `results` is determined by the key; `provenance` says how it came about. */
export interface Manifest {
  stage: Stage;
  key: Sha256;
  results: Record<string, ArtifactRef>;
  provenance: Record<string, ArtifactRef>;
  /** Small facts that readers need without opening the files: row counts, adapter hash, steps. */
  facts: Record<string, string | number | boolean | null>;
  /** Who committed, when: host, process, ISO time. */
  committed: { attempt: string; host: string; at: string };
}

export interface Store {
  /** Random id made with the store; a worker whose store has another id refuses work. */
  readonly id: string;
  /** Stores bytes under their hash; equal bytes are stored once. `suffix` such as `.jsonl` is for people. */
  putBytes(bytes: string | Uint8Array, suffix: string): Promise<ArtifactRef>;
  /** Reads and verifies; throws `ArtifactDamaged` when the bytes do not hash to `ref.sha256`, `ArtifactMissing` when they are gone. */
  read(ref: ArtifactRef): Promise<Buffer>;
  /**
   * A working copy of an artifact, for programs that read files: its absolute path on this machine, good for the
   * operation that asked. Nobody writes to it. Verified each time, which takes a second or two for each GB, whatever was verified before: a
   * file's times can be set by whoever changes it. Throws `ArtifactDamaged`. The local store hands out its own file.
   */
  checkOut(ref: ArtifactRef): Promise<string>;
  /** Working copies that lie together in one folder, each under its name; returns the folder. See `checkOut`. */
  checkOutFolder(files: Record<string, ArtifactRef>): Promise<string>;
  /** Null also when a file that the manifest names is gone or of another size: then the work has to be done again. */
  manifest(work: WorkKey): Promise<Manifest | null>;
  /** Creates the manifest if absent (or no longer intact) and returns the one that stands: the first committer wins. */
  commit(work: WorkKey, manifest: Manifest): Promise<Manifest>;
  /**
   * If `manifest` is still the one that stands, takes it out of its place, so that the work is open again; it is kept under a
   * name of its own, for a person to look at. Whoever finds that its files are not what it says calls this. Nothing
   * happens when another one stands by now, or none. True when this call took it out: of several at once, one is told so.
   */
  putAside(work: WorkKey, manifest: Manifest): Promise<boolean>;
  /** Work of a group that was begun, in key order: each is committed or open at the moment it is looked at. */
  survey(stage: Stage, group: string): Promise<{ committed: Manifest[]; open: WorkKey[] }>;
  /** Manifests of a group, in key order. */
  manifests(stage: Stage, group: string): Promise<Manifest[]>;
  /** Work of a group that was begun (it has an attempt, or shared files) and has no intact manifest. */
  openWork(stage: Stage, group: string): Promise<WorkKey[]>;
  /** One attempt at a piece of work. It is begun now if it was not: `attempts` knows it even if nothing is ever written. */
  attempt(work: WorkKey, name: string): Promise<Attempt>;
  /** Attempts at a piece of work that were begun, oldest first. */
  attempts(work: WorkKey): Promise<Attempt[]>;
  /** Small files of a piece of work that all its attempts share. */
  shared(work: WorkKey, place: SharedPlace): SmallFiles;
  /** Small named records, the only mutable thing: an experiment's latest plan, its spending. Null when absent. */
  readRecord(folder: RecordFolder, name: string): Promise<string | null>;
  writeRecord(folder: RecordFolder, name: string, text: string): Promise<void>;
  /**
   * Adds a line durably. It stands on a line of its own also where an earlier append was torn by a crash; what such a crash
   * left is for readers to pass over (`appendedRows` in documents.ts).
   */
  appendRecord(folder: RecordFolder, name: string, line: string): Promise<void>;
  /**
   * Takes the lease on a piece of work, so that two attempts do not do it side by side. It only saves work: correctness
   * rests on `commit`. Throws `Busy` while another living holder has it.
   */
  lease(work: WorkKey, holder: string, seconds: number): Promise<Lease>;
}

/** Small texts by name: letters, digits, `.`, `_` and `-`. Readers see each whole or not at all. */
export interface SmallFiles {
  /** Names in alphabetical order, an attempt's logs among them. May hold names that are none of ours. */
  list(): Promise<string[]>;
  /** What messages call the file of that name. */
  place(name: string): string;
  /** Null when there is none of that name. */
  read(name: string): Promise<string | null>;
  /** Creates it durably; false when it stood already, and then it is as it was. Of several at once, one is told true. */
  create(name: string, text: string): Promise<boolean>;
  /** Creates or replaces it. */
  write(name: string, text: string): Promise<void>;
}

/** Places that the attempts at a piece of work share; no attempt can have such a name. */
export const SHARED_PLACES = ['batches', 'turns'] as const;
export type SharedPlace = (typeof SHARED_PLACES)[number];

/** What one attempt at a piece of work writes. Any process may read it; only the attempt's own writes. */
export interface Attempt extends SmallFiles {
  readonly work: WorkKey;
  /** Unique among the attempts at this work. */
  readonly name: string;
  /**
   * Begins a log, of which this process is the only writer. Throws `LogUnwritable` when there is one of that name. A store that
   * is full or not reached is no error here: `writable` waits for it. `room`: bytes of lines that have to fit, whatever
   * happens to the store, once `writable` has resolved; default 64 KiB.
   */
  openLog(name: string, options?: { room?: number }): Promise<AppendLog>;
  /** The complete lines of a log, whoever writes it or was killed while writing: half a last line is left out. */
  readLog(name: string): Promise<string[]>;
  /** The attempt's working copy on this machine; made if absent, and with it all that was synced from elsewhere. */
  workspace(): Promise<Workspace>;
}

/**
 * Lines that outlive the process which appends them. The local store hands each to the kernel at once, and syncs them to the
 * disk in groups. A remote one may keep lines back for 250 ms before it uploads them as one segment; that much a killed process
 * may lose.
 *
 * A store that is full, read-only or not reached is waited for: lines that it can not take now are kept in memory and
 * written in their order as soon as it can. Whoever pays for a line awaits `writable` first.
 */
export interface AppendLog {
  /**
   * Takes a line (without its newline; it holds no NUL). Returns at once, and never fails because of the store's present
   * state. Throws `LogUnwritable` when the log is closed or `writable` has rejected so.
   */
  append(line: string): void;
  /**
   * Resolves when the log is proven writable: no write is failing, everything taken more than a second ago is as safe as the
   * store can make it, and `room` bytes more are sure to fit. Resolves without delay when all is well, so it can be asked
   * before every request. Otherwise it waits, as long as it takes, for what mends itself or is mended by somebody (a full
   * disk, a store that is not reached). Rejects with `LogUnwritable` for what waiting can not mend: the log was deleted, or
   * access has been refused for five minutes; and with the signal's reason.
   */
  writable(signal?: AbortSignal): Promise<void>;
  /** Why `writable` would wait now, in words for a person; null when all is well. */
  readonly trouble: string | null;
  /**
   * Returns when all that was taken is as safe as the store can make it; rejects with `LogUnwritable` when the store has not
   * taken it after ten seconds of trying, and what it did not take is lost. Closing again does nothing.
   */
  close(): Promise<void>;
}

/**
 * A folder on this machine in which programs that know nothing of the store read and write: the trainer, and trainers
 * that an experiment brings. The local store hands out the attempt's own folder, so here small files and logs lie beside what the
 * program writes: no program's file may be named like one of them. A remote store hands out a folder of the machine's
 * own, which is lost with the machine; what is to survive it has to be kept or synced.
 */
export interface Workspace {
  /** Absolute. */
  readonly path: string;
  /**
   * Stores a finished file: absolute, or relative to this folder. It may lie in the working copy of another attempt at the same
   * work, from which this one took it over. The local store describes the file where it lies; a remote one uploads it.
   */
  keep(path: string): Promise<ArtifactRef>;
  /**
   * Makes what the folder holds now available to `workspace` on other machines, so that a later attempt there goes on
   * from it. Left out is what is still being written: names that begin with a dot or end in `.partial`, and with `wholeUntil`
   * (ms since 1970) whatever was changed after that moment. A folder in a folder (`checkpoints/step-000025`) is there elsewhere
   * as a whole or not at all. Files may come and go meanwhile, and calls may overlap. The local store has nothing to do.
   */
  sync(wholeUntil?: number): Promise<void>;
}

/**
 * `healed`: what was found damaged and is made anew (artifacts/healing.ts). `claims`: when an experiment's claims were decided
 * (artifacts/claims.ts).
 */
export type RecordFolder = 'experiments' | 'spending' | 'permits' | 'healed' | 'claims';

export interface Lease {
  renew(): Promise<void>;
  release(): Promise<void>;
}

/** Another attempt is doing this very piece of work. */
export class Busy extends Error {
  override name = 'Busy';
}

/**
 * The store is full, read-only or not reached at the moment: waiting, or somebody, mends it. A remote store throws this for
 * its outages; what the system says of a local one is told by its code (artifacts/unavailable.ts).
 */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
}

/** There is no store at that place, and none was to be made. */
export class StoreAbsent extends Error {
  override name = 'StoreAbsent';
}

/** The store can not be opened until a person changes a setting; the message says which. */
export class StoreMisconfigured extends Error {
  override name = 'StoreMisconfigured';
}

/** A log can not be kept, and waiting does not help; the message names it and the reason. */
export class LogUnwritable extends Error {
  override name = 'LogUnwritable';
}

/** Stored bytes are not what their reference says, or are gone. */
export class ArtifactDamaged extends Error {
  override name: string = 'ArtifactDamaged';
}

/** Stored bytes are gone. */
export class ArtifactMissing extends ArtifactDamaged {
  override name = 'ArtifactMissing';
  readonly code = 'ENOENT';
}

/** What a person is told of damage that ends an activity: nothing has to be deleted. */
export const MADE_ANEW = 'Run the experiment again: what it belongs to is made anew.';
