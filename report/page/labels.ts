/**
 * What the page calls cells, and recipes over all of their seeds, by their ids.
 */
import { conditionName, type Results } from '../results';

/** `[FLAMINGO BURRITO], +sys prompt`. */
export function labelsOf({ cells, recipes }: Pick<Results, 'cells' | 'recipes'>): Map<string, string> {
  return new Map([
    ...cells.map(({ cell, label }): [string, string] => [cell.id, label]),
    ...recipes.map(({ cell, label, condition }): [string, string] => [cell, `${label}, ${conditionName(condition)}`]),
  ]);
}

/** Cells of single seeds, which are shown as a part of their recipe. */
export function cellsOfRecipes(recipes: Results['recipes']): Set<string> {
  return new Set(recipes.flatMap(({ seeds }) => seeds.flatMap((seed) => seed.cells)));
}
