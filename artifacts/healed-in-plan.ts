/**
 * How much of what a plan asks for was found damaged and made anew, for report and `status`.
 */
import type { Plan } from '../experiment/plan';
import { type Healed, healedObjects } from './healing';
import { plannedWork } from './planned-work';
import type { Store } from './store';

/** Oldest first. */
export async function healedInPlan(store: Store, plan: Plan): Promise<Healed[]> {
  const healed = await healedObjects(store);
  return healed.length === 0 ? [] : healed.filter(await plannedWork(store, plan));
}
