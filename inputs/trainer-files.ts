/**
 * Reads the files of trainers of the experiment's own, so that their content can be hashed and go to any worker.
 */
import type { TrainerFiles } from '../experiment/expand/backend-identity';
import { InvalidExperiment, type Path } from '../experiment/issue';
import type { Spec } from '../experiment/spec';
import { inBytes, readBytes, TooLarge, UnreadableInput } from './files';
import { MAX_TRAINER_BYTES } from './limits';

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
        const content = await readBytes(file, MAX_TRAINER_BYTES - bytes, { packed: true });
        bytes += content.byteLength;
        found[written] = content;
      } catch (error) {
        if (error instanceof TooLarge) {
          throw new InvalidExperiment(
            path,
            `the trainer's files are larger than ${inBytes(MAX_TRAINER_BYTES)} together`,
            'list the program only; weights and data belong on the worker',
          );
        }
        throw error instanceof UnreadableInput ? new InvalidExperiment(path, error.message) : error;
      }
    }
  }
  return found;
}
