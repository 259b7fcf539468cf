/**
 * Values of recipes that were trained under several seeds: each cell's measures over all of its seeds.
 */
import type { Plan } from '../../experiment/plan';
import { scoresOf } from '../../experiment/scored-answer';
import { scoreNames, type SummaryRules } from './cell';
import { CONFIDENCE } from './intervals';
import { misalignedValues } from './misaligned';
import { combineMeansOverSeeds, combineSharesOverSeeds, type SeedCombination } from './over-seeds';
import { seedArm, unitsOfRecipes, type Unit, type UnitCell } from './units';

export interface RecipeCell {
  /** `RECIPE/QUESTION-SET/CONDITION`. */
  cell: string;
  recipe: string;
  label: string;
  questionSet: string;
  condition: string;
  seeds: { seed: string; cells: string[] }[];
  measures: RecipeMeasure[];
  /** The same without the seeds that the experiment's rules exclude; absent where they exclude none of these. */
  without?: { excluded: string[]; measures: RecipeMeasure[] };
}

export interface RecipeMeasure {
  /** A metric's name (values 0-100), or `misaligned` (shares of 1). */
  measure: string;
  /** Mean of the seeds' values. */
  found: SeedCombination;
}

/** Recipe by recipe, in the plan's order. */
export function recipeCells(
  plan: Pick<Plan, 'seedGroups'>,
  cells: readonly UnitCell[],
  rules: SummaryRules,
  excluded: ReadonlySet<string> = new Set(),
): RecipeCell[] {
  const labels = new Map((plan.seedGroups ?? []).map(({ name, label }) => [name, label]));
  return unitsOfRecipes(plan, cells).map((unit) => ({
    cell: unit.id,
    recipe: unit.name,
    label: labels.get(unit.name) as string,
    questionSet: unit.cell.questionSet,
    condition: unit.cell.condition,
    seeds: unit.seeds.map(({ seed, cells: own }) => ({ seed, cells: own.map(({ cell }) => cell.id) })),
    measures: measuresOf(unit, rules),
    ...withoutExcluded(unit, rules, excluded),
  }));
}

/** `excluded`: configurations, which are those of whole seeds. */
function withoutExcluded(unit: Unit, rules: SummaryRules, excluded: ReadonlySet<string>): Pick<RecipeCell, 'without'> {
  const isExcluded = ({ cells }: Unit['seeds'][number]): boolean =>
    cells.some(({ cell }) => excluded.has(cell.configuration));
  const out = unit.seeds.filter(isExcluded).map(({ seed }) => seed);
  if (out.length === 0) return {};
  const left = { ...unit, seeds: unit.seeds.filter((seed) => !isExcluded(seed)) };
  return { without: { excluded: out, measures: left.seeds.length === 0 ? [] : measuresOf(left, rules) } };
}

function measuresOf(unit: Unit, rules: SummaryRules): RecipeMeasure[] {
  const means = unit.cell.metrics.map(({ metric }): RecipeMeasure => ({
    measure: metric,
    found: combineMeansOverSeeds([seedArm(1, unit, (answers) => scoresOf(answers, metric))]),
  }));
  const names = scoreNames(unit.cell, rules);
  if (names === null) return means;
  const arm = seedArm(1, unit, (answers) => misalignedValues(answers, rules.misaligned, names));
  const found = combineSharesOverSeeds([arm], CONFIDENCE, rules.misaligned.estimator);
  return [...means, { measure: 'misaligned', found }];
}
