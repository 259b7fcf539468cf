/**
 * The difference of two cells over the questions that both ask, for the two estimands of estimates.ts. Each question has the
 * same weight on both sides, its answers of both, so that a difference never comes from the mix of questions; where both have as many
 * answers to each question, its value is the difference of the cells' values. Cells of one experiment share questions and the
 * randomness of each sample, so what they have in common is taken off by its measured correlation.
 */
import { estimateMean, estimateShare, isNothing, itemOf, type Clustered, type TwoIntervals } from './estimates';
import { groupBy } from './grouping';
import { around, estimated, notEstimable, satterthwaite, type Interval, type Range } from './intervals';
import { mean, sum } from './summation';
import { tQuantile } from './student-t';

export interface Difference extends TwoIntervals {
  /** Questions with a value on both sides, and the items that they are forms of; the difference is over these alone. */
  questions: number;
  items: number;
  /** Here less reference; null without a common question. */
  difference: number | null;
}

/** Of mean scores: t, over the answers' and over the items' differences. */
export function differenceOfMeans(here: readonly Clustered[], reference: readonly Clustered[]): Difference {
  const common = commonQuestions(here, reference);
  if (common.length === 0) return nothingInCommon();
  const value = valueOf(common);
  const meanOfSide = (side: Clustered[]) => {
    const estimate = estimateMean(side);
    return { ...estimate, value: estimate.mean as number };
  };
  const interval = (of: keyof TwoIntervals, spread: Spread): Interval =>
    spread === null || isNothing(spread.difference, value)
      ? mover(value, marginsOf(common, meanOfSide)(of), 0, [-100, 100])
      : estimated(around(value, tQuantile(0.975, spread.freedom) * Math.sqrt(spread.difference), [-100, 100]));
  return {
    ...about(common, value),
    theseQuestions: interval('theseQuestions', withinQuestions(common)),
    questionsLikeThese: interval('questionsLikeThese', overItems(common)),
  };
}

/**
 * Of shares: the method of variance estimates recovery (MOVER; Newcombe 1998, Zou and Donner 2008) from the intervals of both
 * sides, which also serves near 0 and 1, with the correlation of the two.
 */
export function differenceOfShares(here: readonly Clustered[], reference: readonly Clustered[]): Difference {
  const common = commonQuestions(here, reference);
  if (common.length === 0) return nothingInCommon();
  const value = valueOf(common);
  const margins = marginsOf(common, (side) => {
    const estimate = estimateShare(side);
    return { ...estimate, value: estimate.rate as number };
  });
  const interval = (of: keyof TwoIntervals, spread: Spread): Interval =>
    mover(value, margins(of), correlation(spread), [-1, 1]);
  return {
    ...about(common, value),
    theseQuestions: interval('theseQuestions', withinQuestions(common)),
    questionsLikeThese: interval('questionsLikeThese', overItems(common)),
  };
}

/** A question that both sides answered. */
interface Common {
  item: string;
  /** Of all answers to common questions, its share. */
  weight: number;
  own: readonly Clustered[];
  others: readonly Clustered[];
}

function commonQuestions(here: readonly Clustered[], reference: readonly Clustered[]): Common[] {
  const there = groupBy(reference, ({ question }) => question);
  const found = [...groupBy(here, ({ question }) => question)].flatMap(([question, own]) => {
    const others = there.get(question);
    return others === undefined ? [] : [{ item: itemOf(own[0] as Clustered), own, others }];
  });
  const answers = found.reduce((total, { own, others }) => total + own.length + others.length, 0);
  return found.map((each) => ({ ...each, weight: (each.own.length + each.others.length) / answers }));
}

function valueOf(common: readonly Common[]): number {
  return sum(common.map(({ weight, own, others }) => weight * (meanOf(own) - meanOf(others))));
}

function about(common: readonly Common[], difference: number): Pick<Difference, 'questions' | 'items' | 'difference'> {
  return { questions: common.length, items: new Set(common.map(({ item }) => item)).size, difference };
}

function nothingInCommon(): Difference {
  const none = notEstimable('no common question');
  return { questions: 0, items: 0, difference: null, theseQuestions: none, questionsLikeThese: none };
}

/** How far each side's interval reaches below and above its value. */
type Margins = [here: { below: number; above: number }, reference: { below: number; above: number }];

function marginsOf(
  common: readonly Common[],
  estimate: (side: Clustered[]) => TwoIntervals & { value: number },
): (of: keyof TwoIntervals) => Margins {
  const sides = [common.flatMap(({ own }) => own), common.flatMap(({ others }) => others)].map(estimate);
  return (of) =>
    sides.map((side) => {
      const [low, high] = side[of].range as Range;
      return { below: side.value - low, above: high - side.value };
    }) as Margins;
}

/** Variances of the two sides' values and of their difference, and the degrees of freedom of the last; null: not known. */
type Spread = { sides: [number, number]; difference: number; freedom: number } | null;

/** From the answers to each question, with the covariance of samples of one number. Null where a question has one answer. */
function withinQuestions(common: readonly Common[]): Spread {
  const parts = common.map(({ weight, own, others }) => {
    const variances = [weight ** 2 * varianceOfMean(own), weight ** 2 * varianceOfMean(others)] as const;
    const shared = weight ** 2 * covarianceOfMeans(own, others);
    const freedom = Math.min(own.length, others.length) - 1;
    return { variances, difference: Math.max(0, variances[0] + variances[1] - 2 * shared), freedom };
  });
  if (parts.some(({ freedom }) => freedom === 0)) return null;
  return {
    sides: [sum(parts.map(({ variances }) => variances[0])), sum(parts.map(({ variances }) => variances[1]))],
    difference: sum(parts.map((part) => part.difference)),
    freedom: satterthwaite(parts.map(({ difference, freedom }) => ({ variance: difference, freedom }))),
  };
}

/** From the items' own values, each side's and their differences. */
function overItems(common: readonly Common[]): Spread {
  const items = [...groupBy(common, ({ item }) => item).values()];
  if (items.length < 2) return null;
  const variance = (ofQuestion: (question: Common) => number): number => {
    const centre = sum(common.map((question) => question.weight * ofQuestion(question)));
    const deviations = items.map((forms) =>
      sum(forms.map((question) => question.weight * (ofQuestion(question) - centre))),
    );
    return (sum(deviations.map((value) => value ** 2)) * items.length) / (items.length - 1);
  };
  return {
    sides: [variance(({ own }) => meanOf(own)), variance(({ others }) => meanOf(others))],
    difference: variance(({ own, others }) => meanOf(own) - meanOf(others)),
    freedom: items.length - 1,
  };
}

function meanOf(rows: readonly Clustered[]): number {
  return mean(rows.map(({ value }) => value));
}

function varianceOfMean(rows: readonly Clustered[]): number {
  if (rows.length < 2) return 0;
  const centre = meanOf(rows);
  return sum(rows.map(({ value }) => (value - centre) ** 2)) / (rows.length - 1) / rows.length;
}

/** Of two means over rows of which those with one sample number belong together. */
function covarianceOfMeans(own: readonly Clustered[], others: readonly Clustered[]): number {
  const bySample = new Map(others.flatMap(({ sample, value }) => (sample === undefined ? [] : [[sample, value]])));
  const pairs = own.flatMap(({ sample, value }): [number, number][] => {
    const other = sample === undefined ? undefined : bySample.get(sample);
    return other === undefined ? [] : [[value, other]];
  });
  if (pairs.length < 2) return 0;
  const [x, y] = [mean(pairs.map(([a]) => a)), mean(pairs.map(([, b]) => b))];
  const covariance = sum(pairs.map(([a, b]) => (a - x) * (b - y))) / (pairs.length - 1);
  return (covariance * pairs.length) / (own.length * others.length);
}

function mover(value: number, [here, reference]: Margins, rho: number, [least, most]: Range): Interval {
  const reach = (x: number, y: number): number => Math.sqrt(x * x - 2 * rho * x * y + y * y);
  const low = value - reach(here.below, reference.above);
  const high = value + reach(here.above, reference.below);
  return estimated([Math.max(least, low), Math.min(most, high)]);
}

/** More than this is not believed: with it the interval would come close to nothing. */
const MOST_CORRELATION = 0.95;

/**
 * Of the two sides' values. One that makes the interval narrower counts by what its freedom leaves of it, since few items
 * correlate by chance: nothing of it with four or fewer, more than half with eight.
 */
function correlation(spread: Spread): number {
  if (spread === null || spread.difference === 0) return 0;
  const [a, b] = spread.sides;
  const both = Math.sqrt(a * b);
  if (both === 0) return 0;
  const found = Math.max(-1, Math.min(MOST_CORRELATION, (a + b - spread.difference) / (2 * both)));
  return found < 0 ? found : found * Math.max(0, 1 - 3 / spread.freedom);
}
