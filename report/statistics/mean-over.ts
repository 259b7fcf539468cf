/**
 * The mean of values that are taken as independent, with its error and interval.
 */
import { tInterval, type Interval } from './intervals';
import { meanOrNull, sd } from './summation';

export interface MeanOver {
  mean: number | null;
  standardError: number | null;
  /** 95 %, Student's t. */
  ci95: Interval;
}

/** `unit` names the values where there is no interval. */
export function meanOver(values: readonly number[], unit: string): MeanOver {
  return {
    mean: meanOrNull(values),
    standardError: values.length < 2 ? null : sd(values) / Math.sqrt(values.length),
    ci95: tInterval(values, unit),
  };
}
