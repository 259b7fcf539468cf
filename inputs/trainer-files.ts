/**
 * Reads the files of trainers and scorers of the experiment's own and of the programs that models are handed over to, so that
 * their content can be hashed and go to any worker.
 */
import type { TrainerFiles } from '../experiment/expand/backend-identity';
import { InvalidExperiment, type Path } from '../experiment/issue';
import type { Spec } from '../experiment/spec';
import { inBytes, readBytes, TooLarge, UnreadableInput } from './files';
import { MAX_TRAINER_BYTES } from './limits';

/** `locate` gives a declared path's place, or refuses it. Throws `InvalidExperiment`. */
export async function readTrainerFiles(
  spec: Pick<Spec, 'configurations' | 'scorers' | 'handoffs'>,
  locate: (written: string, path: Path) => Promise<string>,
): Promise<TrainerFiles> {
  const found: TrainerFiles = {};
  let bytes = 0;
  for (const { path, files } of programsOf(spec)) {
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

/** What each program's files are, and where the experiment file names them. */
function programsOf({
  configurations,
  scorers = [],
  handoffs = [],
}: Pick<Spec, 'configurations' | 'scorers' | 'handoffs'>): { path: Path; files: string[] }[] {
  return [
    ...configurations.flatMap(({ name, train, training: { backend } }) =>
      train === null || typeof backend === 'string'
        ? []
        : [{ path: ['configurations', name, 'training', 'backend', 'files'], files: backend.files }],
    ),
    ...scorers.flatMap(({ name, scorer }) =>
      scorer.kind === 'command' ? [{ files: scorer.files, path: ['metrics', name, 'scorer', 'files'] }] : [],
    ),
    ...handoffs.map(({ name, files }) => ({ path: ['handoffs', name, 'files'], files })),
  ];
}
