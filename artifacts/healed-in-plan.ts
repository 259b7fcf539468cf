/**
 * How much of what a plan asks for was found damaged and made anew, for report and `status`.
 */
import { keptAdapterKey, keptSteps } from '../experiment/kept-steps';
import type { Plan } from '../experiment/plan';
import { type Healed, healedObjects } from './healing';
import { measurementWork } from './measurements';
import { adapterOf, judgementGroup } from './rows';
import type { Store } from './store';

/** Oldest first. */
export async function healedInPlan(store: Store, plan: Plan): Promise<Healed[]> {
  const healed = await healedObjects(store);
  if (healed.length === 0) return [];
  const groups = new Set<string>();
  const keys = new Set<string>();
  for (const { recipeKey, cells, measurements = [] } of plan.configurations) {
    if (recipeKey !== null) {
      keys.add(recipeKey);
      for (const step of keptSteps(plan, recipeKey)) keys.add(keptAdapterKey(recipeKey, step));
    }
    for (const cell of cells) {
      groups.add(cell.contextKey);
      for (const { instrumentOf } of cell.metrics)
        for (const instrument of Object.values(instrumentOf)) groups.add(judgementGroup(cell, instrument));
    }
    for (const measurement of measurements) {
      const adapter = await adapterOf(store, measurement.context.recipe);
      if (adapter !== undefined) keys.add(measurementWork(measurement, adapter).key);
    }
  }
  return healed.filter(({ group, key }) => (group === undefined ? keys.has(key) : groups.has(group)));
}
