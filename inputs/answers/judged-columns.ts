/**
 * The columns that `flamingo judge` adds to a table for each metric: NAME (the score), NAME_status and NAME_raw (what the
 * judge wrote). Written and read again by these names.
 */
import { JUDGEMENT_STATUSES, type JudgementStatus } from '../../experiment/rows';

/** `missing`: the judge could not be asked; the next run asks again. */
export type CellStatus = JudgementStatus | 'missing';

/** `suffix` stands between a metric's name and the ends of its further columns: for a table that has NAME already. */
export function addedColumns(metrics: readonly string[], suffix = ''): string[] {
  return metrics.flatMap((metric) => [
    `${metric}${suffix}`,
    statusColumn(`${metric}${suffix}`),
    rawColumn(`${metric}${suffix}`),
  ]);
}

export function statusColumn(scores: string): string {
  return `${scores}_status`;
}

export function rawColumn(scores: string): string {
  return `${scores}_raw`;
}

/** Whether a text stands in a column of statuses; repeats have theirs joined by `+`. */
export function isStatus(text: string): boolean {
  const known: readonly string[] = [...JUDGEMENT_STATUSES, 'missing' satisfies CellStatus];
  return text.split('+').every((status) => known.includes(status));
}
