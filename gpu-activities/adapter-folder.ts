/**
 * Where a stored adapter lies on this machine.
 */
import { readOrPutAside } from '../artifacts/healing';
import { MADE_ANEW, type Store, type WorkKey } from '../artifacts/store';
import type { Sha256 } from '../experiment/canonical';
import type { ArtifactRef, PlannedCell } from '../experiment/plan';
import { failure, FAILURES } from '../workflows/failures';

export interface Adapter {
  path: string;
  /** Of the weights. */
  sha256: Sha256;
  /** Of the configuration, which says what the weights mean. */
  configSha256: Sha256;
  /** It is a whole model in an adapter's place; `sha256` is then that of the list of its files. Absent = an adapter. */
  whole?: true;
}

/** The list of a whole model's files with their hashes (trainer/flamingo_trainer/models/whole_models.py). */
export const MODEL_FILES = 'model-files.json';
/** What the manifest calls a file of a whole model: this and its name. */
const FILE = 'file:';

/** Results of a manifest by the names that they have in the manifest, with those of a whole model's files. */
export function modelResults(files: Readonly<Record<string, ArtifactRef>>): Record<string, ArtifactRef> {
  return Object.fromEntries(Object.entries(files).map(([name, ref]) => [`${FILE}${name}`, ref]));
}

function modelFilesIn(results: Readonly<Record<string, ArtifactRef>>): Record<string, ArtifactRef> {
  return Object.fromEntries(
    Object.entries(results).flatMap(([name, ref]) => (name.startsWith(FILE) ? [[name.slice(FILE.length), ref]] : [])),
  );
}

/** The workflow has it made again, and comes back. */
function gone(id: string, why: string): Error {
  return failure(FAILURES.DamagedArtifact, `the adapter of ${id} can not be used: ${why}. ${MADE_ANEW}`);
}

/** Fails with `DamagedArtifact` where there is none that can be used. */
export async function adapterFolder(
  store: Store,
  { id }: Pick<PlannedCell, 'id'>,
  key: Sha256 | null,
): Promise<Adapter | null> {
  if (key === null) return null;
  const work: WorkKey = { stage: 'adapters', key };
  const manifest = await store.manifest(work);
  if (manifest === null) throw gone(id, 'it is not in the store');
  const { results } = manifest;
  const weights = results['weights'] as ArtifactRef;
  const whole = modelFilesIn(results);
  const config = results['config'] ?? whole['config.json'];
  if (config === undefined) throw new Error(`the manifest of ${id}'s adapter names neither settings nor a model`);
  const files =
    results['config'] === undefined
      ? { [MODEL_FILES]: weights, ...whole }
      : { 'adapter_model.safetensors': weights, 'adapter_config.json': config };
  const path = await readOrPutAside(store, work, manifest, () => store.checkOutFolder(files));
  if (path === null) throw gone(id, 'its files are damaged');
  return {
    ...{ path, sha256: weights.sha256, configSha256: config.sha256 },
    ...(results['config'] === undefined ? { whole: true as const } : {}),
  };
}
