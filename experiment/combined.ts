/**
 * Combined instruments as readers see them: one request yields several metrics' verdicts, and everything that counts,
 * shows or compares works with one row a metric. Pure.
 */
import { keyOf, type Sha256 } from './canonical';
import type { PlannedMetric } from './plan';
import type { Judgement } from './rows';

/** Id of the row that stands for one metric of a combined judgement. */
export function partId(judgement: Sha256, metric: string): Sha256 {
  return keyOf({ judgement, metric });
}

/** A stored row of a combined instrument as one row for each of its metrics; any other row as it is. */
export function partRows(row: Judgement, parts: readonly string[] | undefined): Judgement[] {
  if (parts === undefined) return [row];
  const { scores, ...shared } = row;
  return parts.map((metric) => ({
    ...shared,
    id: partId(row.id, metric),
    metric,
    score: row.status === 'scored' ? scoreOf(row.id, scores, metric) : null,
  }));
}

function scoreOf(id: Sha256, scores: Record<string, number> | undefined, metric: string): number {
  const score = scores?.[metric];
  if (score === undefined) throw new Error(`the combined judgement ${id} is scored but has no score of ${metric}`);
  return score;
}

/** Combined metrics as their parts, each with the instrument that judges them together. */
export function flattenMetrics(metrics: readonly PlannedMetric[]): PlannedMetric[] {
  return metrics.flatMap(({ parts, ...metric }) =>
    parts === undefined ? [metric] : parts.map((part) => ({ ...metric, metric: part })),
  );
}
