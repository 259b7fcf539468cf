/**
 * Means, shares and their intervals. Samples within a question are not independent, so intervals are clustered by
 * question: Student's t over the questions' own values. The naive interval, which takes every row as independent, is
 * always named so.
 *
 * All results are independent of the order of their inputs: sums run over sorted values.
 */
import { groupBy } from './grouping';
import { tQuantile } from './student-t';

/** Scores are 0-100, shares 0-1; an interval may reach past the scale's ends and is cut only where it is shown. */
export type Range = [low: number, high: number];

/** `range` null: not estimable, and `reason` says why. Never a range of width 0. */
export interface Interval {
  range: Range | null;
  reason: string | null;
}

/** A value that belongs to a question: a score of one answer. */
export interface Clustered {
  question: string;
  value: number;
}

export interface MeanEstimate {
  /** Values. */
  n: number;
  /** Mean over all values; null when there are none. */
  mean: number | null;
  /** Standard deviation of the values, n - 1; null with fewer than two. */
  sd: number | null;
  /** Questions with at least one value. */
  questions: number;
  /** Mean of the question means, the centre of `ci95`. Equals `mean` when every question has as many values. */
  questionMean: number | null;
  /** 95 %, t over question means. */
  ci95: Interval;
  /** 95 %, t over all values as if they were independent. */
  naive95: Interval;
}

export interface ShareEstimate {
  count: number;
  denominator: number;
  /** count / denominator, 0-1; null without a denominator. */
  rate: number | null;
  questions: number;
  /** Mean of the question rates, the centre of `ci95`. */
  questionRate: number | null;
  /** 95 %, t over question rates. */
  ci95: Interval;
  /** 95 %, Wilson over all rows as if they were independent. */
  naive95: Interval;
}

export function sum(values: readonly number[]): number {
  return Float64Array.from(values)
    .sort()
    .reduce((total, value) => total + value, 0);
}

/** Throws `RangeError` without values: there is no mean of nothing. */
export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no mean of no values');
  return sum(values) / values.length;
}

/** Standard deviation with n - 1. Throws `RangeError` with fewer than two values. */
export function sd(values: readonly number[]): number {
  if (values.length < 2) throw new RangeError(`no standard deviation of ${values.length} values`);
  const centre = mean(values);
  return Math.sqrt(sum(values.map((value) => (value - centre) ** 2)) / (values.length - 1));
}

/** 95 % interval by Student's t. `unit` names the values in the reason when there is none. */
export function tInterval(values: readonly number[], unit: string): Interval {
  if (values.length < 2) return notEstimable(values.length === 0 ? `no ${unit}` : `only one ${unit}`);
  const centre = mean(values);
  const spread = sd(values);
  // equal values may differ in their last bit once they are means
  if (spread <= 1e-9 * Math.max(1, Math.abs(centre))) return notEstimable(`no variance: every ${unit} is the same`);
  const half = (t975(values.length - 1) * spread) / Math.sqrt(values.length);
  return { range: [centre - half, centre + half], reason: null };
}

const knownT975 = new Map<number, number>();

/** Remembered: a report has a hundred thousand intervals, of a few numbers of values. */
function t975(df: number): number {
  const quantile = knownT975.get(df) ?? tQuantile(0.975, df);
  knownT975.set(df, quantile);
  return quantile;
}

/** The 97.5 % quantile of the normal distribution. */
export const Z975 = 1.959963984540054;

/** 95 % score interval for `count` of `denominator`; never of width 0. */
export function wilson(count: number, denominator: number): Interval {
  if (denominator === 0) return notEstimable('no row');
  const rate = count / denominator;
  const scale = 1 + (Z975 * Z975) / denominator;
  const centre = (rate + (Z975 * Z975) / (2 * denominator)) / scale;
  const half = (Z975 / scale) * Math.sqrt((rate * (1 - rate)) / denominator + (Z975 * Z975) / (4 * denominator ** 2));
  return { range: [count === 0 ? 0 : centre - half, count === denominator ? 1 : centre + half], reason: null };
}

export function estimateMean(values: readonly Clustered[]): MeanEstimate {
  const all = values.map(({ value }) => value);
  const means = [...byQuestion(values).values()].map(mean);
  return {
    n: all.length,
    mean: all.length === 0 ? null : mean(all),
    sd: all.length < 2 ? null : sd(all),
    questions: means.length,
    questionMean: means.length === 0 ? null : mean(means),
    ci95: tInterval(means, 'question mean'),
    naive95: tInterval(all, 'score'),
  };
}

/** `values` are 1 for a hit and 0 for a row of the denominator that is none. */
export function estimateShare(values: readonly Clustered[]): ShareEstimate {
  const rates = [...byQuestion(values).values()].map(mean);
  const count = sum(values.map(({ value }) => value));
  return {
    count,
    denominator: values.length,
    rate: values.length === 0 ? null : count / values.length,
    questions: rates.length,
    questionRate: rates.length === 0 ? null : mean(rates),
    ci95: tInterval(rates, 'question rate'),
    naive95: wilson(count, values.length),
  };
}

export interface PairedDifference {
  /** Questions with a value on both sides; the difference is over these alone. */
  questions: number;
  /** Mean over questions of (here - reference); null without a common question. */
  difference: number | null;
  /** 95 %, t over the questions' differences. */
  ci95: Interval;
}

/** Compares two cells question by question. */
export function pairedDifference(here: readonly Clustered[], reference: readonly Clustered[]): PairedDifference {
  const there = byQuestion(reference);
  const differences = [...byQuestion(here)].flatMap(([question, values]) => {
    const others = there.get(question);
    return others === undefined ? [] : [mean(values) - mean(others)];
  });
  return {
    questions: differences.length,
    difference: differences.length === 0 ? null : mean(differences),
    ci95: tInterval(differences, 'question difference'),
  };
}

function byQuestion(values: readonly Clustered[]): Map<string, number[]> {
  const groups = groupBy(values, ({ question }) => question);
  return new Map([...groups].map(([question, rows]) => [question, rows.map(({ value }) => value)]));
}

function notEstimable(reason: string): Interval {
  return { range: null, reason };
}
