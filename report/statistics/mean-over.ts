/**
 * The mean of values that are taken as independent, with its error and interval.
 */
import { meanOfLikeThese } from './estimates';
import { estimated, tInterval, type Interval, type Range } from './intervals';
import { meanOrNull, sd } from './summation';

export interface MeanOver {
  mean: number | null;
  standardError: number | null;
  /** 95 %, Student's t. */
  ci95: Interval;
}

/**
 * `unit` names the values where there is no interval. With the ends of a `scale` the interval is that of means of scores for
 * questions like these: it stays on the scale, equal values leave room for as much of it as may be unseen, and one value for all of it.
 */
export function meanOver(values: readonly number[], unit: string, scale?: Range): MeanOver {
  return {
    mean: meanOrNull(values),
    standardError: values.length < 2 ? null : sd(values) / Math.sqrt(values.length),
    ci95:
      scale === undefined || values.length === 0
        ? tInterval(values, unit)
        : estimated(
            meanOfLikeThese(
              values.map((value) => [value]),
              scale,
            ),
          ),
  };
}
