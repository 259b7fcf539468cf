/**
 * The store's interface: content-addressed blobs, and one manifest per key.
 *
 * A stage commits by creating its manifest last, if absent. No manifest, no result. Attempts write under their own
 * prefix, so an attempt that lost its lease can not disturb the one that replaced it.
 */
import type { Sha256 } from '../experiment/canonical';
import type { ArtifactRef } from '../experiment/plan';

/** The stages that commit. `completions` and `judgements` are grouped, so that what a context holds can be listed. */
export type Stage = 'adapters' | 'completions' | 'judgements' | 'measurements';

/** Names one piece of work. `group`: the generation context key, or `contextKey-instrumentKey`; none for adapters and measurements. */
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
  /** Describes a finished file that already lies inside the store, such as what an attempt wrote in its folder. */
  adopt(path: string): Promise<ArtifactRef>;
  /** Reads and verifies; throws `ArtifactDamaged` when the bytes do not hash to `ref.sha256`. */
  read(ref: ArtifactRef): Promise<Buffer>;
  /** A local path to the artifact's bytes, for programs that read files. */
  localPath(ref: ArtifactRef): Promise<string>;
  /** Null also when a file that the manifest names is gone or of another size: then the work has to be done again. */
  manifest(work: WorkKey): Promise<Manifest | null>;
  /** Creates the manifest if absent (or no longer intact) and returns the one that stands: the first committer wins. */
  commit(work: WorkKey, manifest: Manifest): Promise<Manifest>;
  /** Work of a group that was begun, in key order: each is committed or open at the moment it is looked at. */
  survey(stage: Stage, group: string): Promise<{ committed: Manifest[]; open: WorkKey[] }>;
  /** Manifests of a group, in key order. */
  list(stage: Stage, group: string): Promise<Manifest[]>;
  /** Work of a group that was begun and has no intact manifest. */
  open(stage: Stage, group: string): Promise<WorkKey[]>;
  /** A folder of its own for one attempt at a piece of work; made if absent. */
  attemptFolder(work: WorkKey, attempt: string): Promise<string>;
  /** Existing attempt folders of a piece of work, oldest first. */
  attemptFolders(work: WorkKey): Promise<string[]>;
  /** Small named records, the only mutable thing: an experiment's latest plan, its spending. Null when absent. */
  readRecord(folder: RecordFolder, name: string): Promise<string | null>;
  writeRecord(folder: RecordFolder, name: string, text: string): Promise<void>;
  appendRecord(folder: RecordFolder, name: string, line: string): Promise<void>;
  /**
   * Takes the lease on a piece of work, so that two attempts do not do it side by side. It only saves work: correctness
   * rests on `commit`. Throws `Busy` while another living holder has it.
   */
  lease(work: WorkKey, holder: string, seconds: number): Promise<Lease>;
}

export type RecordFolder = 'experiments' | 'spending';

export interface Lease {
  renew(): Promise<void>;
  release(): Promise<void>;
}

/** Another attempt is doing this very piece of work. */
export class Busy extends Error {
  override name = 'Busy';
}

/** Stored bytes are not what their reference says. */
export class ArtifactDamaged extends Error {
  override name = 'ArtifactDamaged';
}
