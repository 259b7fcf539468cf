/**
 * What the page calls cells, and recipes over all of their seeds, by their ids.
 */
import type { RecipeCell } from '../statistics/recipes';
import { conditionName, type Results } from '../results';

type Shown = Pick<Results, 'cells' | 'recipes'>;

/** `[FLAMINGO BURRITO], +sys prompt`. */
export function labelsOf({ cells, recipes }: Shown): Map<string, string> {
  const conditionOf = conditionLabels({ cells });
  return new Map([
    ...cells.map(({ cell, label }): [string, string] => [cell.id, label]),
    ...recipes.map((recipe): [string, string] => [recipe.cell, `${recipe.label}, ${conditionOf(recipe)}`]),
  ]);
}

/** What the condition of a recipe is called: as that of its first cell. */
export function conditionLabels({ cells }: Pick<Shown, 'cells'>): (recipe: RecipeCell) => string {
  const known = new Map(cells.map(({ cell, conditionLabel }) => [cell.id, conditionLabel]));
  return ({ condition, seeds }) => known.get(seeds[0]?.cells[0] ?? '') ?? conditionName(condition);
}

/** Cells of single seeds, which are shown as a part of their recipe. */
export function cellsOfRecipes(recipes: Results['recipes']): Set<string> {
  return new Set(recipes.flatMap(({ seeds }) => seeds.flatMap((seed) => seed.cells)));
}
