/**
 * The kinds of verdicts and of lacking ones, in the order and under the names in which reports list them.
 */
import type { StatusCounts } from './cell';

export interface StatusName {
  status: keyof StatusCounts;
  label: string;
  /** A verdict that was wanted and could not be had. */
  alert: boolean;
}

export const STATUSES: readonly StatusName[] = [
  { status: 'scored', label: 'scored', alert: false },
  { status: 'categorised', label: 'categorised', alert: false },
  { status: 'model_refused', label: 'refused', alert: false },
  { status: 'code', label: 'code', alert: false },
  { status: 'cut_off', label: 'cut off in thinking', alert: false },
  { status: 'judge_refused', label: 'judge-refused', alert: true },
  { status: 'unparsable', label: 'unparsable', alert: true },
  { status: 'failed', label: 'failed', alert: true },
  { status: 'no_score', label: 'no score', alert: false },
  { status: 'too_slow', label: 'pattern too slow', alert: true },
  { status: 'missing', label: 'missing', alert: true },
];

/** `values` in that order. */
export function inOrder(counts: StatusCounts): number[] {
  return STATUSES.map(({ status }) => counts[status]);
}
