/**
 * The store's record of experiments by name: the latest plan, where its results are and what failed, so that `status`
 * and `report` work without Temporal.
 */
import type { ArtifactRef } from '../experiment/plan';
import { z } from 'zod';
import { checkedDocument } from './documents';
import { artifactRef } from './reference';
import type { Store } from './store';

export interface ExperimentRecord {
  plan: ArtifactRef;
  /** Absolute folder of the results that people read. */
  output: string;
  /** Configurations that failed when the report was last built by a run; absent before. */
  failures?: FailedConfiguration[];
}

export interface FailedConfiguration {
  name: string;
  failure: string;
}

const RECORD = z.looseObject({
  plan: artifactRef,
  output: z.string(),
  failures: z.array(z.looseObject({ name: z.string(), failure: z.string() })).optional(),
});

export async function recordExperiment(store: Store, name: string, record: ExperimentRecord): Promise<void> {
  await store.writeRecord('experiments', name, JSON.stringify(record) + '\n');
}

/** Null when there is none. Throws `ArtifactDamaged`. */
export async function recordedExperiment(store: Store, name: string): Promise<ExperimentRecord | null> {
  const text = await store.readRecord('experiments', name);
  return text === null ? null : checkedDocument<ExperimentRecord>(text, RECORD, `experiments/${name}`, 'record');
}

/** Has a run that is not finished write its results to another folder from now on. */
export async function moveResults(store: Store, name: string, output: string): Promise<void> {
  const record = await recordedExperiment(store, name);
  if (record !== null && record.output !== output) await recordExperiment(store, name, { ...record, output });
}

/**
 * Where the results of an experiment belong now. A run's own activities were told the folder when it began (`told`); the
 * project may have been renamed since, or the run been asked for again with another folder.
 */
export async function resultsFolder(store: Store, name: string, told: string): Promise<string> {
  return (await recordedExperiment(store, name))?.output ?? told;
}

/** Adds the failures of the latest run to its record. A new run's record begins without them. */
export async function recordFailures(store: Store, name: string, failures: FailedConfiguration[]): Promise<void> {
  const record = await recordedExperiment(store, name);
  if (record !== null) await recordExperiment(store, name, { ...record, failures });
}
