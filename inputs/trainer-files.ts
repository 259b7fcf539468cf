/**
 * Reads the files of trainers and scorers of the experiment's own, so that their content can be hashed and go to any worker.
 */
import type { TrainerFiles } from '../experiment/expand/backend-identity';
import { InvalidExperiment, type Path } from '../experiment/issue';
import type { Spec } from '../experiment/spec';
import { inBytes, readBytes, TooLarge, UnreadableInput } from './files';
import { MAX_TRAINER_BYTES } from './limits';

/** `locate` gives a declared path's place, or refuses it. Throws `InvalidExperiment`. */
export async function readTrainerFiles(
  { configurations, scorers = [] }: Spec,
  locate: (written: string, path: Path) => Promise<string>,
): Promise<TrainerFiles> {
  const found: TrainerFiles = {};
  let bytes = 0;
  const programs: { files: string[]; path: Path }[] = [
    ...configurations.flatMap(({ name, train, training: { backend } }) =>
      train === null || typeof backend === 'string'
        ? []
        : [{ files: backend.files, path: ['configurations', name, 'training', 'backend', 'files'] }],
    ),
    ...scorers.flatMap(({ name, scorer }) =>
      scorer.kind === 'command' ? [{ files: scorer.files, path: ['metrics', name, 'scorer', 'files'] }] : [],
    ),
  ];
  for (const { files, path } of programs) {
    for (const written of files) {
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
            `the files of its programs are larger than ${inBytes(MAX_TRAINER_BYTES)} together`,
            'list the programs only; weights and data belong on the worker',
          );
        }
        throw error instanceof UnreadableInput ? new InvalidExperiment(path, error.message) : error;
      }
    }
  }
  return found;
}
