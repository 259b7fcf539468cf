/**
 * The store's record of experiments by name: the latest plan and where its results are, so that `status` and `report`
 * work without Temporal.
 */
import type { ArtifactRef } from '../experiment/plan';
import type { Store } from './store';

export interface ExperimentRecord {
  plan: ArtifactRef;
  /** Absolute folder of the results that people read. */
  output: string;
}

export async function recordExperiment(store: Store, name: string, record: ExperimentRecord): Promise<void> {
  await store.writeRecord('experiments', name, JSON.stringify(record) + '\n');
}

export async function recordedExperiment(store: Store, name: string): Promise<ExperimentRecord | null> {
  const text = await store.readRecord('experiments', name);
  return text === null ? null : (JSON.parse(text) as ExperimentRecord);
}
