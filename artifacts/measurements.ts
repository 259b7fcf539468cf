/**
 * Measured log-probabilities in the store: of pairs, and of answers to questions.
 */
import { keyOf, type Sha256 } from '../experiment/canonical';
import type { PlannedAnswerMeasurement, PlannedMeasurement, PlannedPairMeasurement } from '../experiment/plan';
import type { MeasuredAnswers, MeasuredPair } from '../experiment/rows';
import { readOrPutAside } from './healing';
import { adapterOf, readRows } from './rows';
import type { Manifest, Store, WorkKey } from './store';

/** An adapter that was lost and trained again may have other bytes: its measurement is other work than the old one's. */
export function measurementWork({ key }: PlannedMeasurement, adapter: Sha256 | null): WorkKey {
  return { stage: 'measurements', key: keyOf({ measurement: key, adapter }) };
}

/** The measurement that was made with the present adapter; null when either is not there. */
export async function storedMeasurement(store: Store, measurement: PlannedMeasurement): Promise<Manifest | null> {
  const adapter = await adapterOf(store, measurement.context.recipe);
  return adapter === undefined ? null : store.manifest(measurementWork(measurement, adapter));
}

type RowOf<Measurement> = Measurement extends PlannedAnswerMeasurement ? MeasuredAnswers : MeasuredPair;

/** By id; null when there is none, or only a damaged one, which is put aside. */
export async function storedMeasures<Measurement extends PlannedPairMeasurement | PlannedAnswerMeasurement>(
  store: Store,
  measurement: Measurement,
): Promise<RowOf<Measurement>[] | null> {
  const adapter = await adapterOf(store, measurement.context.recipe);
  if (adapter === undefined) return null;
  const work = measurementWork(measurement, adapter);
  const manifest = await store.manifest(work);
  const rows = manifest?.results['rows'];
  if (manifest === null || rows === undefined) return null;
  return readOrPutAside(store, work, manifest, () => readRows<RowOf<Measurement>>(store, rows));
}
