/** What of a store belongs to an experiment, as its latest plan says: for copying that alone. */
import { keptAdapterKey, keptSteps } from '../experiment/kept-steps';
import type { Plan } from '../experiment/plan';
import type { Selection } from './copy';
import { measurementWork } from './measurements';
import { adapterOf, judgementGroup } from './rows';
import type { Store } from './store';

export async function selectionOf(store: Store, plan: Plan): Promise<Selection> {
  const adapters = new Set<string>();
  const groups = new Set<string>();
  const measurements = new Set<string>();
  for (const { recipeKey, cells, measurements: planned = [] } of plan.configurations) {
    if (recipeKey !== null) {
      adapters.add(recipeKey);
      for (const step of keptSteps(plan, recipeKey)) adapters.add(keptAdapterKey(recipeKey, step));
    }
    for (const cell of cells) {
      groups.add(cell.contextKey);
      for (const { instrumentOf } of cell.metrics)
        for (const instrument of Object.values(instrumentOf)) groups.add(judgementGroup(cell, instrument));
    }
    for (const measurement of planned) {
      const adapter = await adapterOf(store, measurement.context.recipe);
      if (adapter !== undefined) measurements.add(measurementWork(measurement, adapter).key);
    }
  }
  return {
    work: ({ stage, group, key }) => {
      if (stage === 'adapters') return adapters.has(key);
      if (stage === 'measurements') return measurements.has(key);
      return groups.has(group as string);
    },
    experiment: (name) => name === plan.experiment,
  };
}
