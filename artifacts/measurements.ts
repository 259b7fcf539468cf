/**
 * Measured log-probabilities in the store.
 */
import { keyOf, type Sha256 } from '../experiment/canonical';
import type { PlannedMeasurement } from '../experiment/plan';
import type { MeasuredPair } from '../experiment/rows';
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

/** By id; null when there is none. */
export async function storedPairs(store: Store, measurement: PlannedMeasurement): Promise<MeasuredPair[] | null> {
  const rows = (await storedMeasurement(store, measurement))?.results['rows'];
  return rows === undefined ? null : readRows<MeasuredPair>(store, rows);
}
