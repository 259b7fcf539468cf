/**
 * How far each configuration's scores lie from those of one that the plan names as the baseline: of the same answers with
 * something put into them, how far a rubric lets itself be moved by it.
 */
import type { Plan } from '../../experiment/plan';
import type { JudgeResults } from './judge-results';

export interface BaselineShift {
  judge: string;
  /** Label. */
  configuration: string;
  metric: string;
  /** Verdicts that are a score, and that the plan asks for. */
  scored: number;
  expected: number;
  /** 0-100; null without a score. */
  mean: number | null;
  /** Mean less the baseline's mean, in points; null where one of them has no score. */
  shift: number | null;
}

/** By judge, then in the plan's order; empty where the plan names no baseline. */
export function baselineShifts(plan: Plan, judges: readonly JudgeResults[]): BaselineShift[] {
  const { baseline } = plan;
  if (baseline === undefined) return [];
  const labels = new Map(plan.configurations.map(({ name, label }) => [name, label]));
  return judges.flatMap(({ name, cells }) => {
    const summaries = [...cells.values()].map(({ summary }) => summary);
    return summaries.flatMap(({ configuration, questionSet, condition, metrics }) => {
      if (configuration === baseline) return [];
      const base = summaries.find(
        (other) =>
          other.configuration === baseline && other.questionSet === questionSet && other.condition === condition,
      );
      return metrics.map(({ metric, counts, expected, estimate: { mean } }): BaselineShift => {
        const from = base?.metrics.find((other) => other.metric === metric)?.estimate.mean ?? null;
        return {
          judge: name,
          configuration: labels.get(configuration) ?? configuration,
          metric,
          scored: counts.scored,
          expected,
          mean,
          shift: mean === null || from === null ? null : mean - from,
        };
      });
    });
  });
}
