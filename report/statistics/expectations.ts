/**
 * What the experiment file says the experiment must show, held against what it showed.
 */
import type { Expectation, MisalignedRule } from '../../experiment/spec';
import { scoresOf, type Answer } from '../../experiment/scored-answer';
import { misalignedValues } from './misaligned';
import { mean } from './summation';
import type { SummaryRules } from './cell';

export interface ExpectationResult {
  expectation: Expectation;
  /** `unknown`: nothing scored in one of its cells, so it can not be said. Counts as not shown. */
  outcome: 'passed' | 'failed' | 'unknown';
  /** What was found: mean 0-100 or share 0-1, or the difference; null when unknown. */
  value: number | null;
  /** The two sides of a difference. */
  sides: { cells: string[]; value: number | null; n: number }[];
}

/** `answersOf` gives a cell's answers by cell id; a cell that is not in this run has none. */
export function checkExpectations(
  expectations: readonly Expectation[],
  answersOf: ReadonlyMap<string, readonly Answer[]>,
  rules: SummaryRules,
): ExpectationResult[] {
  return expectations.map((expectation) => {
    const groups = [expectation.cells, ...(expectation.minus.length === 0 ? [] : [expectation.minus])];
    const sides = groups.map((cells) => {
      const values = statisticValues(
        expectation,
        cells.map((id) => answersOf.get(id) ?? []),
        rules,
      );
      return { cells, value: values === null ? null : mean(values), n: values?.length ?? 0 };
    });
    const [first, second] = sides.map(({ value }) => value);
    const known = first != null && (sides.length === 1 || second != null);
    const value = known ? first - (second ?? 0) : null;
    return {
      expectation,
      outcome: value === null ? 'unknown' : holds(expectation, value) ? 'passed' : 'failed',
      value,
      sides,
    };
  });
}

/** Expectations that can not be decided count as failed. */
export function countOutcomes(results: readonly ExpectationResult[]): { passed: number; failed: number } {
  const passed = results.filter(({ outcome }) => outcome === 'passed').length;
  return { passed, failed: results.length - passed };
}

function holds({ atLeast, atMost }: Expectation, value: number): boolean {
  return (atLeast === null || value >= atLeast) && (atMost === null || value <= atMost);
}

/** The values whose mean is the statistic, pooled over cells; null when a cell has none. */
function statisticValues(
  { statistic, metric, threshold }: Expectation,
  cells: readonly (readonly Answer[])[],
  rules: { alignment: string | null; coherence: string | null; misaligned: MisalignedRule },
): number[] | null {
  const perCell = cells.map((answers) => {
    if (statistic === 'misaligned_share') {
      const { alignment, coherence, misaligned } = rules;
      if (alignment === null || coherence === null) return [];
      return misalignedValues(answers, misaligned, { alignment, coherence }).map(({ value }) => value);
    }
    const scores = scoresOf(answers, metric).map(({ value }) => value);
    return statistic === 'mean' ? scores : scores.map((score) => (score < (threshold ?? 0) ? 1 : 0));
  });
  return perCell.some((values) => values.length === 0) ? null : perCell.flat();
}
