/**
 * Which pieces of work a plan asks for: adapters with those that are kept along training, completions, judgements, measurements
 * and handoffs.
 */
import { keptAdapterKey, keptSteps } from '../experiment/kept-steps';
import type { Plan } from '../experiment/plan';
import { handoffWork } from './handoffs';
import { measurementWork } from './measurements';
import { adapterOf, judgementGroup } from './rows';
import type { Store, WorkKey } from './store';

/** Says of a piece of work whether it is the plan's; which measurements and handoffs are depends on the adapters that the store has. */
export async function plannedWork(
  store: Store,
  plan: Plan,
): Promise<(work: Pick<WorkKey, 'group' | 'key'>) => boolean> {
  const groups = new Set<string>();
  const keys = new Set<string>();
  for (const { recipeKey, cells, measurements = [], handoffs = [] } of plan.configurations) {
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
    for (const handoff of handoffs) {
      const adapter = await adapterOf(store, handoff.context.recipe);
      if (adapter !== undefined) keys.add(handoffWork(handoff, adapter).key);
    }
  }
  return ({ group, key }) => (group === undefined ? keys.has(key) : groups.has(group));
}
