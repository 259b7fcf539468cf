/**
 * Puts what a plan refers to into the store, by hash, so that every worker sees it.
 */
import type { Store } from '../../artifacts/store';
import type { ArtifactRef, Plan } from '../../experiment/plan';
import type { Expanded } from '../../experiment/expand';

/** The plan with its training rows in the store. Configurations that train on the same rows share one artifact. */
export async function importInputs(store: Store, { plan, trainingRows }: Expanded): Promise<Plan> {
  const stored = new Map<string, ArtifactRef>();
  for (const rows of new Set(Object.values(trainingRows))) stored.set(rows, await store.putBytes(rows, '.jsonl'));
  const configurations = plan.configurations.map((configuration) => {
    const rows = trainingRows[configuration.name];
    return { ...configuration, trainingRows: rows === undefined ? null : (stored.get(rows) as ArtifactRef) };
  });
  return { ...plan, configurations };
}
