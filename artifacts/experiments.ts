/**
 * The store's record of experiments by name: the latest plan, where its results are and what failed, so that `status`
 * and `report` work without Temporal.
 */
import type { ArtifactRef, Plan } from '../experiment/plan';
import { z } from 'zod';
import { checkedDocument, documentOrNull } from './documents';
import { artifactRef } from './reference';
import { newWork, type Reuse } from './reuse';
import type { Store } from './store';

export interface ExperimentRecord {
  plan: ArtifactRef;
  /** Absolute folder of the results that people read. */
  output: string;
  /** Configurations that failed when the report was last built by a run; absent before. */
  failures?: FailedConfiguration[];
  /** What the store held of the plan when its report was last built; absent before. */
  counted?: Counted;
}

export interface Counted {
  /** ISO 8601. */
  at: string;
  /** A `Reuse` as JSON. */
  reuse: ArtifactRef;
}

export interface FailedConfiguration {
  name: string;
  failure: string;
}

const RECORD = z.looseObject({
  plan: artifactRef,
  output: z.string(),
  failures: z.array(z.looseObject({ name: z.string(), failure: z.string() })).optional(),
  counted: z.looseObject({ at: z.string(), reuse: artifactRef }).optional(),
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

/**
 * Adds the failures of a run of this plan to the record; does nothing where the record is of another plan by now. A new
 * run's record begins without them.
 */
export async function recordFailures(
  store: Store,
  { experiment }: Plan,
  plan: ArtifactRef,
  failures: FailedConfiguration[],
): Promise<void> {
  await changeOf(store, experiment, plan, (record) => ({ ...record, failures }));
}

/**
 * Adds to the record what the store holds of its plan; does nothing where the record is of another plan by now. Null: it was
 * not counted, and what was counted before does not hold any more.
 */
export async function recordCounted(
  store: Store,
  { experiment }: Plan,
  plan: ArtifactRef,
  reuse: Reuse | null,
): Promise<void> {
  // first, because the record is read and written without a pause between: somebody may apply another plan at any moment
  const stored = reuse && (await store.putBytes(JSON.stringify(reuse) + '\n', '.reuse.json'));
  const at = new Date().toISOString();
  await changeOf(store, experiment, plan, ({ counted: _, ...record }) => ({
    ...record,
    ...(stored && { counted: { at, reuse: stored } }),
  }));
}

/** Does nothing where there is no record, or one of another plan. */
async function changeOf(
  store: Store,
  name: string,
  plan: ArtifactRef,
  changed: (record: ExperimentRecord) => ExperimentRecord,
): Promise<void> {
  const record = await recordedExperiment(store, name);
  if (record?.plan.sha256 === plan.sha256) await recordExperiment(store, name, changed(record));
}

/**
 * What was counted when the report of the record's plan was built, if nothing was missing then: what is missing may have come
 * since. Null where nothing was counted, where something was missing, or where it can not be read any more.
 */
export async function countedReuse(store: Store, { counted }: ExperimentRecord): Promise<Reuse | null> {
  if (counted === undefined) return null;
  const bytes = await store.read(counted.reuse).catch(() => null);
  const reuse = documentOrNull<Reuse>(bytes?.toString('utf8') ?? null, REUSE);
  return reuse === null || newWork(reuse) > 0 ? null : reuse;
}

/** Whether the report of this very plan found nothing missing, as far as the record tells. */
export async function wasComplete(store: Store, { experiment }: Plan, plan: ArtifactRef): Promise<boolean> {
  const text = await store.readRecord('experiments', experiment);
  const record = documentOrNull<ExperimentRecord>(text, RECORD);
  return record?.plan.sha256 === plan.sha256 && (await countedReuse(store, record)) !== null;
}

const count = z.looseObject({ new: z.number(), reused: z.number() });
const REUSE = z.looseObject({
  ...{ fineTunes: count, completions: count, judgements: count, measurements: count },
  handoffs: z.record(z.string(), count).exactOptional(),
  cells: z.record(z.string(), z.looseObject({ completions: z.number(), judgements: z.number() })),
});
