/**
 * What a configuration computes, as a key: equal key = nothing to change in a running workflow.
 */
import { keyOf, type Sha256 } from './canonical';
import type { PlannedCell } from './plan';

export function configurationKey(recipeKey: Sha256 | null, cells: readonly PlannedCell[]): Sha256 {
  return keyOf({ recipe: recipeKey, cells: cells.map(cellIdentity) });
}

/** A cell's work. The names of question set and condition take part, because results are published under them. */
function cellIdentity({ questionSet, condition, contextKey, samplesPerQuestion, metrics }: PlannedCell): unknown {
  return { questionSet, condition, contextKey, samplesPerQuestion, metrics };
}
