/**
 * How far the scores of each configuration, or of all seeds of a group, lie from those of one that the plan names as the baseline: of the same answers with
 * something put into them, how far a rubric lets itself be moved by it.
 */
import type { Plan } from '../../experiment/plan';
import { barGroups, type BarGroup } from './bar-groups';
import type { CellSummary } from './cell';
import { groupBy } from './grouping';
import type { JudgeResults } from './judge-results';
import { meanOrNull, sum } from './summation';

export interface BaselineShift {
  judge: string;
  /** Label; of several seeds of a group that of the group. */
  configuration: string;
  metric: string;
  /** Verdicts that are a score, and that the plan asks for. */
  scored: number;
  expected: number;
  /** 0-100; null without a score. Of several seeds the mean of theirs. */
  mean: number | null;
  /** Mean less the baseline's mean, in points; null where one of them has no score. */
  shift: number | null;
}

/** By judge, then in the plan's order; empty where the plan names no baseline. */
export function baselineShifts(plan: Plan, judges: readonly JudgeResults[]): BaselineShift[] {
  const groups = barGroups(plan);
  const baseline = groups.find(({ name }) => name === plan.baseline);
  if (baseline === undefined) return [];
  return judges.flatMap(({ name: judge, cells }) => {
    const summaries = [...cells.values()].map(({ summary }) => summary);
    const placesOf = ({ members }: BarGroup): Map<string, CellSummary[]> =>
      groupBy(
        summaries.filter(({ configuration }) => members.includes(configuration)),
        ({ questionSet, condition }) => JSON.stringify([questionSet, condition]),
      );
    const from = placesOf(baseline);
    return groups.flatMap((group) =>
      group === baseline
        ? []
        : [...placesOf(group)].flatMap(([place, own]) =>
            (own[0]?.metrics ?? []).map(({ metric }): BaselineShift => {
              const mean = meanOver(own, metric);
              const there = meanOver(from.get(place) ?? [], metric);
              return {
                ...{ judge, configuration: group.label, metric },
                scored: sum(metricsOf(own, metric).map(({ counts }) => counts.scored)),
                expected: sum(metricsOf(own, metric).map(({ expected }) => expected)),
                mean,
                shift: mean === null || there === null ? null : mean - there,
              };
            }),
          ),
    );
  });
}

/** Mean of the seeds' means; of a single configuration its own. */
function meanOver(summaries: readonly CellSummary[], metric: string): number | null {
  return meanOrNull(metricsOf(summaries, metric).flatMap(({ estimate: { mean } }) => mean ?? []));
}

function metricsOf(summaries: readonly CellSummary[], metric: string): CellSummary['metrics'] {
  return summaries.flatMap(({ metrics }) => metrics.filter((each) => each.metric === metric));
}
