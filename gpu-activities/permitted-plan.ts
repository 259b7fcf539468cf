/** The plan that a GPU activity works from, once it is known that this worker may run what it brings. */
import { requirePermitted } from '../activities/clients';
import { withHeartbeat } from '../activities/heartbeat';
import { loadPlan, type StoredPlan } from '../artifacts/plans';
import type { ArtifactRef } from '../experiment/plan';
import type { GpuDependencies } from './dependencies';

/** Heartbeats while it is read. Throws what `loadPlan` and `requirePermitted` do. */
export async function permittedPlan(
  { store, clients }: Pick<GpuDependencies, 'store' | 'clients'>,
  ref: ArtifactRef,
): Promise<StoredPlan> {
  return withHeartbeat('reading the plan', async () => {
    const stored = await loadPlan(store, ref);
    await requirePermitted(store, clients, ref, stored);
    return stored;
  });
}
