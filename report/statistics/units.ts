/**
 * What values are of: a cell, or the cells of all seeds of a recipe taken together.
 */
import type { Plan, PlannedCell } from '../../experiment/plan';
import type { Answer } from '../../experiment/scored-answer';
import type { Clustered } from './estimates';
import { groupBy } from './grouping';
import type { SeedArm } from './over-seeds';
import { together } from './samples';

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
  /** A seed's cells differ in the seed of sampling. */
  seeds: { seed: string; cells: UnitCell[] }[];
}

export function unitOfCell({ cell, answers }: UnitCell): Unit {
  return { id: cell.id, name: cell.configuration, cell, seeds: [{ seed: '', cells: [{ cell, answers }] }] };
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
      seeds: [...groupBy(same, ({ seed }) => seed)].map(([seed, rows]) => ({ seed, cells: rows })),
    }));
  });
}

/** The base model's, or answers from elsewhere of which no training seed is told: no other fine-tune could be in their place. */
export function isUntrained({ context, seed }: Pick<PlannedCell, 'context' | 'seed'>): boolean {
  return context.recipe === null && seed === undefined;
}

export function isUntrainedUnit({ seeds }: Pick<Unit, 'seeds'>): boolean {
  return seeds.every(({ cells }) => cells.every(({ cell }) => isUntrained(cell)));
}

/** The values of each cell by itself, seed by seed. */
export function seedArm(sign: 1 | -1, unit: Unit, valuesOf: (answers: readonly Answer[]) => Clustered[]): SeedArm {
  return {
    sign,
    isUntrained: isUntrainedUnit(unit),
    seeds: unit.seeds.map(({ seed, cells }) => ({
      seed,
      values: together(cells.map(({ answers }) => valuesOf(answers))),
    })),
  };
}
