/**
 * The bars of recipes that were trained under several seeds: one for all seeds in place of each seed's own, which becomes a
 * point on it.
 */
import type { RecipeCell } from '../statistics/recipes';
import { STATUSES } from '../statistics/statuses';
import type { FigureBar } from './layout';

/** `measure`: a metric's name, or `misaligned`, whose shares become percent. Bars keep their order. */
export function overSeeds(bars: readonly FigureBar[], recipes: readonly RecipeCell[], measure: string): FigureBar[] {
  const recipeOf = new Map(
    recipes.flatMap((recipe) => recipe.seeds.flatMap(({ cells }) => cells.map((cell) => [cell, recipe] as const))),
  );
  const drawn = new Set<RecipeCell>();
  return bars.flatMap((bar) => {
    const recipe = recipeOf.get(bar.cell);
    if (recipe === undefined) return [bar];
    if (drawn.has(recipe)) return [];
    drawn.add(recipe);
    const members = bars.filter(({ cell }) => recipeOf.get(cell) === recipe);
    return [barOf(bar, members, recipe, measure)];
  });
}

function barOf(first: FigureBar, members: readonly FigureBar[], recipe: RecipeCell, measure: string): FigureBar {
  const found = recipe.measures.find((each) => each.measure === measure)?.found;
  const scale = measure === 'misaligned' ? 100 : 1;
  const { range, reason } = found?.questionsLikeThese ?? { range: null, reason: 'no answer' };
  const total = (count: (bar: FigureBar) => number): number => members.reduce((sum, bar) => sum + count(bar), 0);
  return {
    ...first,
    cell: recipe.cell,
    group: recipe.recipe,
    groupLabel: recipe.label,
    value: found?.value == null ? null : scale * found.value,
    interval: { range: range === null ? null : [scale * range[0], scale * range[1]], reason },
    points: (found?.points ?? []).map(({ seed, value }) => ({ seed, value: scale * value })),
    bounds: null,
    n: total(({ n }) => n),
    counts: Object.fromEntries(
      STATUSES.map(({ status }) => [status, total(({ counts }) => counts[status])]),
    ) as FigureBar['counts'],
  };
}
