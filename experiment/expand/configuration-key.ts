/**
 * What a configuration computes, as a key: equal key = nothing to change in a running workflow.
 */
import { keyOf, type Sha256 } from '../canonical';
import type { PlannedCell, PlannedMeasurement } from '../plan';

export function configurationKey(
  recipeKey: Sha256 | null,
  cells: readonly PlannedCell[],
  measurements: readonly PlannedMeasurement[] = [],
): Sha256 {
  const measured = measurements.map(({ condition, key }) => ({ condition, key }));
  return keyOf({
    recipe: recipeKey,
    cells: cells.map(cellIdentity),
    // a key of its own only where it is used: configurations from before there were measurements keep theirs
    ...(measured.length === 0 ? {} : { measurements: measured }),
  });
}

/** A cell's work. The names of question set and condition take part, because results are published under them. */
function cellIdentity({ questionSet, condition, contextKey, samplesPerQuestion, metrics }: PlannedCell): unknown {
  return { questionSet, condition, contextKey, samplesPerQuestion, metrics };
}
