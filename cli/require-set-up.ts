/**
 * Whether this machine has what the embedded services are about to need: told before anything is started.
 */
import type { ModelSource } from '../experiment/spec';
import { bundledModelFiles, bundledModelPath, pythonPath, temporalPath } from '../workers/toolchain';
import { InvalidUse } from './errors';

/** `models`: those that the GPU worker will load; null where it has nothing to do. Throws `InvalidUse` with what set-up has to make. */
export function requireSetUp(models: readonly ModelSource[] | null): void {
  try {
    temporalPath();
    if (models === null) return;
    pythonPath();
    for (const model of models) {
      if (model.kind !== 'bundled') continue;
      bundledModelPath(model.name);
      bundledModelFiles(model.name);
    }
  } catch (error) {
    throw new InvalidUse((error as Error).message);
  }
}
