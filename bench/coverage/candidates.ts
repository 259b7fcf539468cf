/**
 * Other methods for the same intervals, to hold the widths of the report's own against: what statistics packages and papers use.
 */
import { around, tReach, wilsonRange, type Range } from '../../report/statistics/intervals';
import { mean, sd, sum } from '../../report/statistics/summation';
import type { Random } from './random';

/** One experiment's values, question by question; `there`: the reference of a difference, with as many answers each. */
export interface Sampled {
  here: readonly number[][];
  there: readonly number[][] | null;
}

/** Ranges by the method's name; a method that can not be had is left out. */
export type Ranges = Record<string, Range>;

const DRAWS = 200;

/** The same questions asked again. `scale`: of the value itself, a share's or a mean's. */
export function forTheseQuestions(sampled: Sampled, isShare: boolean, scale: Range): Ranges {
  const values = combined(sampled);
  const all = values.flat();
  const found: Ranges = { 't over answers': tRange(all, scale) };
  if (isShare) found['Wilson'] = fromSides(sampled, (side) => wilsonRange(sum(side.flat()), side.flat().length));
  if (values.every(({ length }) => length > 1)) {
    const variance = sum(values.map((own) => (own.length * sd(own) ** 2) / all.length ** 2));
    found['normal over strata'] = around(mean(all), tReach(1e6) * Math.sqrt(variance), scale);
  }
  return found;
}

/** Other questions of the same kind. */
export function forQuestionsLikeThese(random: Random, sampled: Sampled, isShare: boolean, scale: Range): Ranges {
  const items = combined(sampled).map(mean);
  const found: Ranges = { 't over questions': tRange(items, scale), ...bootstraps(random, items, scale) };
  if (isShare) found['Wilson, clustered'] = fromSides(sampled, wilsonClustered);
  return found;
}

/** Of a difference, here less there of one number. */
function combined({ here, there }: Sampled): number[][] {
  if (there === null) return here.map((own) => [...own]);
  return here.map((own, question) => own.map((value, sample) => value - (there[question]?.[sample] as number)));
}

function tRange(values: readonly number[], scale: Range): Range {
  return around(mean(values), (tReach(values.length - 1) * sd(values)) / Math.sqrt(values.length), scale);
}

/** As many answers as have the variance of the questions' mean. */
function wilsonClustered(side: readonly number[][]): Range {
  const answers = side.flat().length;
  const rate = mean(side.map(mean));
  const variance = sd(side.map(mean)) ** 2 / side.length;
  const effective = variance === 0 ? answers : Math.min(answers, (rate * (1 - rate)) / variance);
  return wilsonRange(rate * effective, effective);
}

/** One side's own range; of a difference Newcombe's from both. */
function fromSides({ here, there }: Sampled, rangeOf: (side: readonly number[][]) => Range): Range {
  const [low, high] = rangeOf(here);
  if (there === null) return [low, high];
  const [otherLow, otherHigh] = rangeOf(there);
  const [own, other] = [mean(here.map(mean)), mean(there.map(mean))];
  return [
    own - other - Math.hypot(own - low, otherHigh - other),
    own - other + Math.hypot(high - own, other - otherLow),
  ];
}

/** Over questions: percentiles of the draws, and of their studentised deviations. */
function bootstraps(random: Random, items: readonly number[], scale: Range): Ranges {
  const centre = mean(items);
  const error = sd(items) / Math.sqrt(items.length);
  const means: number[] = [];
  const deviations: number[] = [];
  const size = items.length;
  for (let draw = 0; draw < DRAWS; draw += 1) {
    let [total, squares] = [0, 0];
    for (let item = 0; item < size; item += 1) {
      const deviation = (items[random.integer(size)] as number) - centre;
      total += deviation;
      squares += deviation * deviation;
    }
    const variance = Math.max(0, squares - total ** 2 / size) / (size - 1);
    means.push(centre + total / size);
    if (variance > 1e-18) deviations.push(total / size / Math.sqrt(variance / size));
  }
  const percentile: Range = [quantile(means, 0.025), quantile(means, 0.975)];
  if (deviations.length < DRAWS / 2) return { 'percentile bootstrap': percentile };
  const [least, most] = [centre - quantile(deviations, 0.975) * error, centre - quantile(deviations, 0.025) * error];
  return { 'percentile bootstrap': percentile, 'bootstrap-t': [Math.max(scale[0], least), Math.min(scale[1], most)] };
}

function quantile(values: readonly number[], p: number): number {
  const sorted = new Float64Array(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] as number;
}
