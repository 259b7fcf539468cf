/**
 * What is said of a recipe of whose seeds some have no score: these take no part in its value, nor in a difference from it.
 */
import type { RecipeCell } from '../statistics/recipes';
import { markup, type Markup } from './markup';

/** Nothing where all seeds have a value of the measure, or none has. `label`: of the recipe, where it is not the row's own. */
export function unscoredSeeds({ seeds, measures }: RecipeCell, measure: string, label = ''): Markup | false {
  const found = measures.find((each) => each.measure === measure)?.found;
  return (
    found?.value != null &&
    found.seeds < seeds.length &&
    markup`<div class="small alert">${label && `${label}: `}over ${found.seeds} of ${seeds.length} seeds: no answer of the others has a score</div>`
  );
}
