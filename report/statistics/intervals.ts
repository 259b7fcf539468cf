/**
 * Intervals of one sample of independent values.
 */
import { normalQuantile } from './normal';
import { mean, sd, sum } from './summation';
import { tQuantile } from './student-t';

/** Scores are 0-100, shares 0-1. */
export type Range = [low: number, high: number];

/** `range` null: not estimable, and `reason` says why. Never a range of width 0. */
export interface Interval {
  range: Range | null;
  reason: string | null;
}

/** What every interval has unless a family of claims asks for more. */
export const CONFIDENCE = 0.95;

/** 95 % interval by Student's t. `unit` names the values in the reason when there is none. */
export function tInterval(values: readonly number[], unit: string): Interval {
  if (values.length < 2) return notEstimable(values.length === 0 ? `no ${unit}` : `only one ${unit}`);
  const centre = mean(values);
  const spread = sd(values);
  // equal values may differ in their last bit once they are means
  if (spread <= 1e-9 * Math.max(1, Math.abs(centre))) return notEstimable(`no variance: every ${unit} is the same`);
  const half = (tReach(values.length - 1) * spread) / Math.sqrt(values.length);
  return estimated([centre - half, centre + half]);
}

const knownQuantiles = new Map<number, Map<number, number>>();

/**
 * How many standard errors an interval of Student's t reaches to each side, with `df` degrees of freedom. Remembered: a report
 * has a hundred thousand intervals, of a few numbers of values.
 */
export function tReach(df: number, confidence = CONFIDENCE): number {
  const known = knownQuantiles.get(confidence) ?? new Map<number, number>();
  knownQuantiles.set(confidence, known);
  const quantile = known.get(df) ?? tQuantile((1 + confidence) / 2, df);
  known.set(df, quantile);
  return quantile;
}

/** The 97.5 % quantile of the normal distribution. */
export const Z975 = 1.959963984540054;

/** Score interval for `hits` of `answers` > 0, which may be fractions; never of width 0. */
export function wilsonRange(hits: number, answers: number, confidence = CONFIDENCE): Range {
  const z = confidence === CONFIDENCE ? Z975 : normalQuantile((1 + confidence) / 2);
  const rate = hits / answers;
  const scale = 1 + (z * z) / answers;
  const centre = (rate + (z * z) / (2 * answers)) / scale;
  const half = (z / scale) * Math.sqrt((rate * (1 - rate)) / answers + (z * z) / (4 * answers ** 2));
  return [hits === 0 ? 0 : centre - half, hits === answers ? 1 : centre + half];
}

export function estimated(range: Range): Interval {
  return { range, reason: null };
}

/** Cut at the scale's ends. */
export function around(centre: number, half: number, [least, most]: Range): Range {
  return [Math.max(least, centre - half), Math.min(most, centre + half)];
}

/** Degrees of freedom of a sum of variances that were measured with so many each (Satterthwaite 1946). */
export function satterthwaite(parts: readonly { variance: number; freedom: number }[]): number {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first.freedom; // exactly, so that `tReach` remembers it
  const variance = sum(parts.map((part) => part.variance));
  return variance ** 2 / sum(parts.map((part) => part.variance ** 2 / part.freedom));
}

export function notEstimable(reason: string): Interval {
  return { range: null, reason };
}
