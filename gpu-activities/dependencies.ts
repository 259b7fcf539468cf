/**
 * What a GPU worker hands to its activities: the store, the trainer, and where things lie on its host.
 */
import type { ClientRules } from '../activities/clients';
import type { Store } from '../artifacts/store';
import type { Sha256 } from '../experiment/canonical';
import type { ProgramHost } from './command/program';
import type { TrainerHost } from './operation';

export interface GpuDependencies {
  store: Store;
  trainer: TrainerHost;
  models: ModelFolders;
  /** How programs that an experiment brings are run. */
  programs: ProgramHost;
  /** For whom they are run, and for whom models in local folders are loaded. */
  clients: ClientRules;
  /** Optimizer steps between checkpoints; null = the trainer chooses. */
  checkpointEverySteps: number | null;
}

export interface ModelFolders {
  /** The folder of a model that set-up prepared; throws where it did not. */
  bundled(name: string): string;
  /** The SHA-256 of each of its files, as set-up wrote them down; throws where it did not. */
  bundledFiles(name: string): Record<string, Sha256>;
  /** Remembers the hashes of model folders. */
  cacheFolder: string;
}
