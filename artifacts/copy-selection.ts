/** What of a store belongs to an experiment, as its latest plan says: for copying that alone. */
import type { Plan } from '../experiment/plan';
import type { Selection } from './copy';
import { plannedWork } from './planned-work';
import type { Store } from './store';

export async function selectionOf(store: Store, plan: Plan): Promise<Selection> {
  return { work: await plannedWork(store, plan), experiment: (name) => name === plan.experiment };
}
