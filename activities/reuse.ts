/**
 * How much of a plan the store already holds: what `flamingo plan`, `status` and the budget gate count with.
 */
import { adapterOf } from '../artifacts/rows';
import type { Store } from '../artifacts/store';
import type { Plan } from '../experiment/plan';
import { readCell } from './cell-rows';

export interface Count {
  new: number;
  reused: number;
}

export interface Reuse {
  fineTunes: Count;
  completions: Count;
  judgements: Count;
  /** By cell id: what is there. */
  cells: Record<string, { completions: number; judgements: number }>;
}

export async function countReuse(store: Store, plan: Plan): Promise<Reuse> {
  const reuse: Reuse = {
    fineTunes: { new: 0, reused: 0 },
    completions: { new: 0, reused: 0 },
    judgements: { new: 0, reused: 0 },
    cells: {},
  };
  const recipes = new Set(plan.configurations.flatMap(({ recipeKey }) => recipeKey ?? []));
  for (const key of recipes) {
    if ((await adapterOf(store, key)) === undefined) reuse.fineTunes.new += 1;
    else reuse.fineTunes.reused += 1;
  }
  for (const cell of plan.configurations.flatMap(({ cells }) => cells)) {
    const { completions, judgements } = await readCell(store, plan, cell);
    reuse.cells[cell.id] = { completions: completions.length, judgements: judgements.length };
    reuse.completions.reused += completions.length;
    reuse.completions.new += cell.completions - completions.length;
    reuse.judgements.reused += judgements.length;
    reuse.judgements.new += cell.judgements - judgements.length;
  }
  return reuse;
}

/** Fine-tunes, completions and judgements that are still to be made. */
export function newWork({ fineTunes, completions, judgements }: Reuse): number {
  return fineTunes.new + completions.new + judgements.new;
}
