/**
 * Reads the files of trainers of the experiment's own, so that their content can be hashed and go to any worker.
 */
import { readFile, stat } from 'node:fs/promises';
import type { TrainerFiles } from '../experiment/expand/backend-identity';
import { InvalidExperiment, type Path } from '../experiment/issue';
import type { Spec } from '../experiment/spec';
import { reason } from './files';

/** Programs, not data: what a trainer needs besides lies on the worker. */
const MAX_BYTES = 16 * 1024 * 1024;

/** `locate` gives a declared path's place, or refuses it. Throws `InvalidExperiment`. */
export async function readTrainerFiles(
  { configurations }: Spec,
  locate: (written: string, path: Path) => Promise<string>,
): Promise<TrainerFiles> {
  const found: TrainerFiles = {};
  let bytes = 0;
  for (const { name, train, training } of configurations) {
    if (train === null || typeof training.backend === 'string') continue;
    const path: Path = ['configurations', name, 'training', 'backend', 'files'];
    for (const written of training.backend.files) {
      if (found[written] !== undefined) continue;
      const file = await locate(written, path);
      try {
        bytes += (await stat(file)).size;
        if (bytes > MAX_BYTES) {
          throw new InvalidExperiment(
            path,
            `the trainer's files are larger than ${MAX_BYTES / 1024 / 1024} MiB together`,
            'list the program only; weights and data belong on the worker',
          );
        }
        found[written] = await readFile(file);
      } catch (error) {
        if (error instanceof InvalidExperiment) throw error;
        throw new InvalidExperiment(path, `${file}: ${reason(error)}`);
      }
    }
  }
  return found;
}
