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
  const { weights, config } = manifest.results as Record<'weights' | 'config', ArtifactRef>;
  const path = await readOrPutAside(store, work, manifest, () =>
    store.checkOutFolder({ 'adapter_model.safetensors': weights, 'adapter_config.json': config }),
  );
  if (path === null) throw gone(id, 'its files are damaged');
  return { path, sha256: weights.sha256, configSha256: config.sha256 };
}
