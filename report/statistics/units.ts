/**
 * What values are of: a cell, or the cells of all seeds of a recipe taken together.
 */
import type { Plan, PlannedCell } from '../../experiment/plan';
import type { Answer } from '../../experiment/scored-answer';
import type { Clustered } from './estimates';
import { groupBy } from './grouping';
import type { SeedValues } from './over-seeds';

export interface UnitCell {
  cell: PlannedCell;
  answers: readonly Answer[];
}

export interface Unit {
  /** A cell's id, or `RECIPE/QUESTION-SET/CONDITION`. */
  id: string;
  /** Of the configuration or the recipe. */
  name: string;
  /** The first seed's, of a recipe. */
  cell: PlannedCell;
  seeds: { seed: string; cells: string[]; answers: readonly Answer[] }[];
}

export function unitOfCell({ cell, answers }: UnitCell): Unit {
  return { id: cell.id, name: cell.configuration, cell, seeds: [{ seed: '', cells: [cell.id], answers }] };
}

/** In the plan's order. */
export function unitsOfRecipes({ seedGroups = [] }: Pick<Plan, 'seedGroups'>, cells: readonly UnitCell[]): Unit[] {
  const byConfiguration = groupBy(cells, ({ cell }) => cell.configuration);
  return seedGroups.flatMap(({ name, members }) => {
    const own = members.flatMap(({ configuration, seed }) =>
      (byConfiguration.get(configuration) ?? []).map((each) => ({ ...each, seed })),
    );
    const places = groupBy(own, ({ cell }) => `${cell.questionSet}/${cell.condition}`);
    return [...places].map(([place, same]): Unit => ({
      id: `${name}/${place}`,
      name,
      cell: (same[0] as UnitCell).cell,
      seeds: [...groupBy(same, ({ seed }) => seed)].map(([seed, rows]) => ({
        seed,
        cells: rows.map(({ cell }) => cell.id),
        answers: rows.flatMap(({ answers }) => answers),
      })),
    }));
  });
}

export function seedValues({ seeds }: Unit, valuesOf: (answers: readonly Answer[]) => Clustered[]): SeedValues[] {
  return seeds.map(({ seed, answers }) => ({ seed, values: valuesOf(answers) }));
}
