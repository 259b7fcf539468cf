/**
 * Sums and differences of cells' values over the questions that all of them ask, for the two estimands of estimates.ts: a cell
 * less its reference, or the difference of two such differences. Each question has the same weight in every arm, its answers of all
 * arms together, so that a value never comes from the mix of questions; in the mean of the questions' rates every item has the
 * same. Cells of one experiment share questions and the
 * randomness of each sample; what they have in common is taken off by its measured correlation.
 */
import type { ShareEstimator } from '../../experiment/spec';
import type { QuestionHits } from './beta-binomial';
import { discordanceInterval, type PairedHits } from './discordance';
import {
  estimateMean,
  estimateShare,
  isNothing,
  itemOf,
  questionMeanWeights,
  SCORES,
  shareOfTheseQuestions,
  type Clustered,
  type TwoIntervals,
} from './estimates';
import { groupBy } from './grouping';
import {
  around,
  CONFIDENCE,
  estimated,
  notEstimable,
  satterthwaite,
  tReach,
  type Interval,
  type Range,
} from './intervals';
import { mean, sum } from './summation';

/** The values of one cell, added or taken off. */
export interface Arm {
  sign: 1 | -1;
  values: readonly Clustered[];
}

export interface Combination extends TwoIntervals {
  /** Questions with a value in every arm, and the items that they are forms of; the value is over these alone. */
  questions: number;
  items: number;
  /** Null without a common question. */
  value: number | null;
  /** Each item's part of the value, such that the value is their mean. */
  itemValues: number[];
  /** What each item weighs in it; 1 on average. */
  itemWeights: number[];
}

/** Of mean scores: t, over the combined answers' and over the combined items' values. */
export function combineMeans(arms: readonly Arm[], confidence = CONFIDENCE): Combination {
  return combine(arms, 'pooled', (common, value) => {
    const scale = scaleOf(arms, SCORES);
    return (of, spread) => {
      if (spread !== null && !isNothing(spread.variance, value))
        return estimated(around(value, tReach(spread.freedom, confidence) * Math.sqrt(spread.variance), scale));
      const sides = marginsOf(arms, common, (side) => {
        const estimate = estimateMean(side, SCORES, confidence);
        return { ...estimate, value: estimate.mean as number };
      });
      return mover(value, sides[of], null, scale);
    };
  });
}

/**
 * Of shares. For these questions: the method of variance estimates recovery (MOVER; Newcombe 1998, Zou and Donner 2008) from the
 * intervals of all arms, which also serves near 0 and 1, with the correlations between them. For questions like these: a
 * difference from its discordant pairs (discordance.ts), that of two differences by MOVER from both.
 */
export function combineShares(
  arms: readonly Arm[],
  confidence = CONFIDENCE,
  estimator: ShareEstimator = 'pooled',
): Combination {
  return combine(arms, estimator, (common, value) => {
    const scale = scaleOf(arms, [0, 1]);
    const differences = differencesIn(arms);
    const sides = marginsOf(arms, common, (side) => {
      if (differences === null) {
        const estimate = estimateShare(side, confidence, estimator);
        return { ...estimate, value: estimate.rate as number };
      }
      const { rate, range } = shareOfTheseQuestions(side, confidence, estimator);
      return { value: rate, theseQuestions: estimated(range), questionsLikeThese: estimated(range) };
    });
    return (of, spread) => {
      if (of === 'theseQuestions' || differences === null) return mover(value, sides[of], spread, scale);
      const found = ofDifferences(differences, common, value, confidence);
      const [low, high] = found.range as Range;
      if (value >= low && value <= high) return found;
      // where numbers of answers are very unequal the discordant pairs may have another centre than the value
      const these = mover(value, sides.theseQuestions, null, scale).range as Range;
      return estimated([Math.min(low, these[0]), Math.max(high, these[1])]);
    };
  });
}

/** An arm less another, by their places; added or taken off. */
interface ArmDifference {
  sign: 1 | -1;
  here: number;
  there: number;
}

/** Arms that are a difference, or differences one after the other; null for others. */
function differencesIn(arms: readonly Arm[]): ArmDifference[] | null {
  const found: ArmDifference[] = [];
  for (let here = 0; here < arms.length; here += 2) {
    const sign = (arms[here] as Arm).sign;
    if (arms[here + 1]?.sign !== -sign) return null;
    found.push({ sign, here, there: here + 1 });
  }
  return found;
}

/** For questions like these, from the interval of each difference. */
function ofDifferences(
  differences: readonly ArmDifference[],
  common: readonly CommonQuestion[],
  value: number,
  confidence: number,
): Interval {
  const forms = [...groupBy(common, ({ item }) => item).values()];
  const hitsIn = (rows: readonly Clustered[]): QuestionHits => ({
    hits: sum(rows.map((row) => row.value)),
    answers: rows.length,
  });
  const ranges = differences.map(({ here, there }) =>
    discordanceInterval(
      forms.map((questions) =>
        questions.map(({ answers }): PairedHits => [
          hitsIn(answers[here] as readonly Clustered[]),
          hitsIn(answers[there] as readonly Clustered[]),
        ]),
      ),
      confidence,
    ),
  );
  if (differences.length === 1) return estimated(ranges[0] as Range);
  const parts = differences.map(({ sign, here, there }) => ({
    sign,
    valueIn: (question: CommonQuestion) => meanIn(here)(question) - meanIn(there)(question),
  }));
  const margins = parts.map(({ sign, valueIn }, part): Margins => {
    const own = sum(common.map((question) => question.weight * valueIn(question)));
    const [low, high] = ranges[part] as Range;
    return { sign, below: Math.max(0, own - low), above: Math.max(0, high - own) };
  });
  return mover(value, margins, overItems(parts, common), scaleOf(differences, [-1, 1]));
}

/**
 * Of arms that ask different questions, and so have nothing in common: MOVER from their own intervals, each on `scale`.
 */
export function combineApart(
  arms: readonly { sign: 1 | -1; found: Combination }[],
  scale: Range,
): Pick<Combination, 'value' | keyof TwoIntervals> {
  const value = sum(arms.map(({ sign, found }) => sign * (found.value as number)));
  const interval = (of: keyof TwoIntervals): Interval => {
    const margins = arms.map(({ sign, found }): Margins => {
      const [low, high] = found[of].range as Range;
      return { sign, below: (found.value as number) - low, above: high - (found.value as number) };
    });
    return mover(value, margins, null, scaleOf(arms, scale));
  };
  return { value, theseQuestions: interval('theseQuestions'), questionsLikeThese: interval('questionsLikeThese') };
}

/** Without intervals; null without a common question. */
export function combinedValue(arms: readonly Arm[], estimator: ShareEstimator = 'pooled'): number | null {
  const common = commonQuestions(arms, estimator);
  return common.length === 0 ? null : sum(common.map((question) => question.weight * valueOf(arms, question)));
}

type IntervalOf = (of: keyof TwoIntervals, spread: Spread | null) => Interval;

function combine(
  arms: readonly Arm[],
  estimator: ShareEstimator,
  intervals: (common: readonly CommonQuestion[], value: number) => IntervalOf,
): Combination {
  const common = commonQuestions(arms, estimator);
  if (common.length === 0) {
    const none = notEstimable('no common question');
    return {
      questions: 0,
      items: 0,
      value: null,
      itemValues: [],
      itemWeights: [],
      theseQuestions: none,
      questionsLikeThese: none,
    };
  }
  const value = sum(common.map((question) => question.weight * valueOf(arms, question)));
  const items = [...groupBy(common, ({ item }) => item).values()];
  const intervalOf = intervals(common, value);
  return {
    questions: common.length,
    items: items.length,
    value,
    itemValues: items.map(
      (forms) => items.length * sum(forms.map((question) => question.weight * valueOf(arms, question))),
    ),
    itemWeights: items.map((forms) => items.length * sum(forms.map(({ weight }) => weight))),
    theseQuestions: intervalOf('theseQuestions', withinQuestions(arms, common)),
    questionsLikeThese: intervalOf('questionsLikeThese', overItems(armsOf(arms), common)),
  };
}

/** A question that every arm answered. */
interface CommonQuestion {
  item: string;
  /** Of all answers to common questions, its share; or of the items and their forms. */
  weight: number;
  /** In the order of the arms. */
  answers: (readonly Clustered[])[];
}

function commonQuestions(arms: readonly Arm[], estimator: ShareEstimator): CommonQuestion[] {
  const [first, ...others] = arms.map(({ values }) => groupBy(values, ({ question }) => question));
  const found = [...(first ?? [])].flatMap(([question, own]) => {
    const rest = others.map((arm) => arm.get(question));
    if (!rest.every((rows) => rows !== undefined)) return [];
    return [{ question, item: itemOf(own[0] as Clustered), answers: [own, ...rest] }];
  });
  if (estimator === 'question_mean') {
    const weights = questionMeanWeights(new Map(found.map(({ question, item }) => [question, item])));
    return found.map(({ question, ...each }) => ({ ...each, weight: weights.get(question) as number }));
  }
  const all = found.reduce((total, { answers }) => total + countOf(answers), 0);
  return found.map(({ item, answers }) => ({ item, answers, weight: countOf(answers) / all }));
}

function countOf(answers: readonly (readonly Clustered[])[]): number {
  return answers.reduce((total, { length }) => total + length, 0);
}

function valueOf(arms: readonly Arm[], { answers }: CommonQuestion): number {
  return sum(arms.map(({ sign }, arm) => sign * meanOf(answers[arm] as readonly Clustered[])));
}

/** The least and the most that a combination can be, where each arm's value lies on `scale`. */
export function scaleOf(arms: readonly { sign: 1 | -1 }[], [least, most]: Range): Range {
  const end = (plus: number, minus: number): number =>
    arms.reduce((total, { sign }) => total + (sign === 1 ? plus : -minus), 0);
  return [end(least, most), end(most, least)];
}

/** How far an arm's own interval reaches below and above its value. */
interface Margins {
  sign: 1 | -1;
  below: number;
  above: number;
}

function marginsOf(
  arms: readonly Arm[],
  common: readonly CommonQuestion[],
  estimate: (values: Clustered[]) => TwoIntervals & { value: number },
): Record<keyof TwoIntervals, Margins[]> {
  const estimates = arms.map((_, arm) => estimate(common.flatMap(({ answers }) => answers[arm] as Clustered[])));
  const margins = (of: keyof TwoIntervals): Margins[] =>
    estimates.map((each, arm) => {
      const [low, high] = each[of].range as Range;
      return { sign: (arms[arm] as Arm).sign, below: each.value - low, above: high - each.value };
    });
  return { theseQuestions: margins('theseQuestions'), questionsLikeThese: margins('questionsLikeThese') };
}

interface Spread {
  /** Of the combined value. */
  variance: number;
  freedom: number;
  /** Of the arms' values. */
  ofArms: number[];
  /** Of the difference of two arms' values, `[a][b]` for a < b. */
  ofDifferences: number[][];
}

/** From the answers to each question, with the covariance of samples of one number. Null where an arm has one answer to a question. */
function withinQuestions(arms: readonly Arm[], common: readonly CommonQuestion[]): Spread | null {
  if (common.some(({ answers }) => answers.some(({ length }) => length < 2))) return null;
  const parts = common.map(({ weight, answers }) => {
    const ofArms = answers.map((rows) => weight ** 2 * varianceOfMean(rows));
    const covariances = pairwise(arms, (a, b) => {
      const [own, others] = [answers[a], answers[b]] as [readonly Clustered[], readonly Clustered[]];
      return weight ** 2 * covarianceOfMeans(own, others);
    });
    let variance = sum(ofArms);
    for (const [a, b] of pairs(arms))
      variance += 2 * (arms[a] as Arm).sign * (arms[b] as Arm).sign * (covariances[a]?.[b] as number);
    const ofDifferences = pairwise(arms, (a, b) =>
      Math.max(0, (ofArms[a] as number) + (ofArms[b] as number) - 2 * (covariances[a]?.[b] as number)),
    );
    const freedom = Math.min(...answers.map(({ length }) => length)) - 1;
    return { variance: Math.max(0, variance), freedom, ofArms, ofDifferences };
  });
  const variance = sum(parts.map((part) => part.variance));
  return {
    variance,
    freedom: variance > 0 ? satterthwaite(parts) : sum(parts.map(({ freedom }) => freedom)),
    ofArms: arms.map((_, arm) => sum(parts.map(({ ofArms }) => ofArms[arm] as number))),
    ofDifferences: pairwise(arms, (a, b) => sum(parts.map(({ ofDifferences }) => ofDifferences[a]?.[b] as number))),
  };
}

/** What is added or taken off, by question: an arm's value, or the difference of two. */
interface Part {
  sign: 1 | -1;
  valueIn: (question: CommonQuestion) => number;
}

function armsOf(arms: readonly Arm[]): Part[] {
  return arms.map(({ sign }, arm) => ({ sign, valueIn: meanIn(arm) }));
}

function meanIn(arm: number): (question: CommonQuestion) => number {
  return ({ answers }) => meanOf(answers[arm] as readonly Clustered[]);
}

/** From the items' own values, each part's and those combined. Null with one item. */
function overItems(parts: readonly Part[], common: readonly CommonQuestion[]): Spread | null {
  const items = [...groupBy(common, ({ item }) => item).values()];
  if (items.length < 2) return null;
  const variance = (ofQuestion: (question: CommonQuestion) => number): number => {
    const centre = sum(common.map((question) => question.weight * ofQuestion(question)));
    const deviations = items.map((forms) =>
      sum(forms.map((question) => question.weight * (ofQuestion(question) - centre))),
    );
    return (sum(deviations.map((value) => value ** 2)) * items.length) / (items.length - 1);
  };
  const valueIn = (part: number, question: CommonQuestion): number => (parts[part] as Part).valueIn(question);
  return {
    variance: variance((question) => sum(parts.map((part) => part.sign * part.valueIn(question)))),
    freedom: items.length - 1,
    ofArms: parts.map((part) => variance(part.valueIn)),
    ofDifferences: pairwise(parts, (a, b) => variance((question) => valueIn(a, question) - valueIn(b, question))),
  };
}

/** Each pair of arms, by their places. */
function pairs(arms: readonly unknown[]): [a: number, b: number][] {
  return arms.flatMap((_, b) => Array.from({ length: b }, (__, a): [number, number] => [a, b]));
}

function pairwise(arms: readonly unknown[], value: (a: number, b: number) => number): number[][] {
  const table = arms.map((): number[] => []);
  for (const [a, b] of pairs(arms)) (table[a] as number[])[b] = value(a, b);
  return table;
}

function meanOf(rows: readonly Clustered[]): number {
  return mean(rows.map(({ value }) => value));
}

function varianceOfMean(rows: readonly Clustered[]): number {
  const centre = meanOf(rows);
  return sum(rows.map(({ value }) => (value - centre) ** 2)) / (rows.length - 1) / rows.length;
}

/** Of two means over rows of which those with one sample number belong together. */
function covarianceOfMeans(own: readonly Clustered[], others: readonly Clustered[]): number {
  const bySample = new Map(others.flatMap(({ sample, value }) => (sample === undefined ? [] : [[sample, value]])));
  const both = own.flatMap(({ sample, value }): [number, number][] => {
    const other = sample === undefined ? undefined : bySample.get(sample);
    return other === undefined ? [] : [[value, other]];
  });
  if (both.length < 2) return 0;
  const [x, y] = [mean(both.map(([a]) => a)), mean(both.map(([, b]) => b))];
  const covariance = sum(both.map(([a, b]) => (a - x) * (b - y))) / (both.length - 1);
  return (covariance * both.length) / (own.length * others.length);
}

function mover(value: number, arms: readonly Margins[], spread: Spread | null, [least, most]: Range): Interval {
  const reach = (margin: (arm: Margins) => number): number => {
    const margins = arms.map(margin);
    let square = sum(margins.map((own) => own ** 2));
    if (spread !== null) {
      for (const [a, b] of pairs(arms))
        square -= 2 * inCommon(arms, spread, a, b) * (margins[a] as number) * (margins[b] as number);
    }
    return Math.sqrt(Math.max(0, square));
  };
  const low = value - reach(({ sign, below, above }) => (sign === 1 ? below : above));
  const high = value + reach(({ sign, below, above }) => (sign === 1 ? above : below));
  return estimated([Math.max(least, low), Math.min(most, high)]);
}

/** More than this is not believed: with it the interval would come close to nothing. */
const MOST_CORRELATION = 0.95;

/**
 * The correlation of two arms' values, counted by what it takes off the combined value's variance. One that makes the interval
 * narrower counts by what its freedom leaves of it, since few items correlate by chance: nothing of it with four or fewer, more than half
 * with eight.
 */
function inCommon(arms: readonly Margins[], spread: Spread, a: number, b: number): number {
  const [first, second] = [spread.ofArms[a] as number, spread.ofArms[b] as number];
  const difference = spread.ofDifferences[a]?.[b] as number;
  const both = Math.sqrt(first * second);
  if (both === 0 || difference === 0) return 0;
  const correlation = Math.max(-1, Math.min(1, (first + second - difference) / (2 * both)));
  const found = Math.min(MOST_CORRELATION, -(arms[a] as Margins).sign * (arms[b] as Margins).sign * correlation);
  return found < 0 ? found : found * Math.max(0, 1 - 3 / spread.freedom);
}
