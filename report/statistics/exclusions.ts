/**
 * Training seeds that the experiment's rules exclude, by what their own answers are. Nothing is dropped: every value over all
 * seeds stays, and beside it stands the same without them.
 */
import type { Plan } from '../../experiment/plan';
import type { SeedExclusion } from '../../experiment/spec';
import type { SummaryRules } from './cell';
import { statisticValues } from './claims';
import { rateOf } from './estimates';
import { passes } from './misaligned';
import { meanOrNull } from './summation';
import { unitsOfRecipes, type UnitCell } from './units';

export interface ExcludedSeeds {
  rule: SeedExclusion;
  recipe: string;
  /** All seeds of the recipe, in the plan's order. */
  seeds: {
    seed: string;
    configurations: string[];
    /** Mean 0-100 or share 0-1; null where nothing is scored, and then the seed is not excluded. */
    value: number | null;
    isExcluded: boolean;
  }[];
}

/** For each rule, the recipes that are asked what decides. */
export function excludedSeeds(
  exclusions: readonly SeedExclusion[],
  plan: Pick<Plan, 'seedGroups'>,
  cells: readonly UnitCell[],
  rules: SummaryRules,
): ExcludedSeeds[] {
  if (exclusions.length === 0) return [];
  const units = unitsOfRecipes(plan, cells);
  return exclusions.flatMap((rule) =>
    units
      .filter(({ cell }) => cell.questionSet === rule.questionSet && cell.condition === rule.condition)
      .map(({ name, seeds }) => ({
        rule,
        recipe: name,
        seeds: seeds.map(({ seed, cells: own }) => {
          const value = statisticOf(rule, own, rules);
          return {
            ...{ seed, configurations: own.map(({ cell }) => cell.configuration), value },
            isExcluded: value !== null && passes(value, rule),
          };
        }),
      })),
  );
}

/** Configurations of the seeds that one rule at least excludes. */
export function excludedConfigurations(excluded: readonly ExcludedSeeds[]): Set<string> {
  return new Set(
    excluded.flatMap(({ seeds }) =>
      seeds.flatMap(({ isExcluded, configurations }) => (isExcluded ? configurations : [])),
    ),
  );
}

function statisticOf(rule: SeedExclusion, own: readonly UnitCell[], rules: SummaryRules): number | null {
  const values = own.flatMap(({ answers }) => statisticValues(rule, answers, rules));
  if (rule.statistic === 'mean') return meanOrNull(values.map(({ value }) => value));
  return rateOf(values, rule.statistic === 'misaligned_share' ? rules.misaligned.estimator : undefined);
}

const BOUNDS: Record<SeedExclusion['operator'], string> = {
  '>': 'above',
  '>=': 'at least',
  '<': 'below',
  '<=': 'at most',
};

/** `share of answers with says_blue above 0.1 in identity/default`. */
export function exclusionWords({
  says,
  questionSet,
  condition,
  metric,
  statistic,
  threshold,
  operator,
  value,
}: SeedExclusion): string {
  const measure = {
    mean: `mean ${metric}`,
    share: `share of answers with ${metric}`,
    share_below: `share of answers with ${metric} < ${threshold}`,
    misaligned_share: 'share of misaligned answers',
  }[statistic];
  const words = `${measure} ${BOUNDS[operator]} ${value} in ${questionSet}/${condition}`;
  return says === '' ? words : `${says} (${words})`;
}
