/**
 * Means and shares with two intervals, for two questions that are not the same:
 *
 * - **these questions**: how far the value would move if the same questions were asked again. Only the answers vary.
 * - **questions like these**: how far it would move with other questions of the same kind. Questions vary too, and with
 *   eight of them this interval is wide, however many answers each has.
 *
 * Both have the value shown as their centre or contain it, exist wherever there is an answer, and stay on the scale.
 * Formulas, sources and simulated coverage: docs/statistics.md.
 */
import type { ShareEstimator } from '../../experiment/spec';
import { betaBinomialInterval } from './beta-binomial';
import { groupBy } from './grouping';
import {
  around,
  CONFIDENCE,
  estimated,
  notEstimable,
  satterthwaite,
  tReach,
  wilsonRange,
  type Interval,
  type Range,
} from './intervals';
import { mean, meanOrNull, sd, sum } from './summation';

/** The value of one answer to a question. */
export interface Clustered {
  question: string;
  /** Questions that are forms of one item are no independent draws of a question; the question's own id unless given. */
  item?: string;
  /** Cells of one experiment that ask the same question share the randomness of a sample with the same number. */
  sample?: number;
  value: number;
}

/** The scale of scores. */
export const SCORES: Range = [0, 100];

/** Of 95 %, unless another confidence was asked for. */
export interface TwoIntervals {
  /** For these questions. */
  theseQuestions: Interval;
  /** For questions like these. */
  questionsLikeThese: Interval;
}

export interface MeanEstimate extends TwoIntervals {
  /** Values. */
  n: number;
  /** Mean over all values; null when there are none. */
  mean: number | null;
  /** Standard deviation of the values, n - 1; null with fewer than two. */
  sd: number | null;
  /** Questions with at least one value, and the items that they are forms of. */
  questions: number;
  items: number;
  /** Mean of the question means; null when there are none. */
  questionMean: number | null;
}

export interface ShareEstimate extends TwoIntervals {
  /** A hit may be a fraction: the share of an answer's several verdicts. */
  count: number;
  denominator: number;
  /** 0-1: count / denominator, or the mean of the questions' rates, as the estimator says; null without a denominator. */
  rate: number | null;
  questions: number;
  items: number;
  /** Mean of the question rates; null when there are none. */
  questionRate: number | null;
}

/** Of scores, unless `scale` names other ends. */
export function estimateMean(
  values: readonly Clustered[],
  scale: Range = SCORES,
  confidence = CONFIDENCE,
): MeanEstimate {
  const all = values.map(({ value }) => value);
  const strata = valuesBy(values, ({ question }) => question);
  const items = valuesBy(values, itemOf);
  return {
    n: all.length,
    mean: meanOrNull(all),
    sd: all.length < 2 ? null : sd(all),
    questions: strata.length,
    items: items.length,
    questionMean: meanOrNull(strata.map(mean)),
    theseQuestions: all.length === 0 ? notEstimable('no score') : estimated(meanOfThese(strata, scale, confidence)),
    questionsLikeThese:
      all.length === 0 ? notEstimable('no score') : estimated(meanOfLikeThese(items, scale, confidence)),
  };
}

/** `values` are 1 for a hit and 0 for a row of the denominator that is none. Both intervals have the estimator's value in them. */
export function estimateShare(
  values: readonly Clustered[],
  confidence = CONFIDENCE,
  estimator: ShareEstimator = 'pooled',
): ShareEstimate {
  const strata = valuesBy(values, ({ question }) => question);
  const items = valuesBy(values, itemOf);
  const rate = rateOf(values, estimator);
  const these: Range = rate === null ? [0, 1] : shareOfThese(weighed(values, estimator), rate, confidence);
  return {
    count: sum(values.map(({ value }) => value)),
    denominator: values.length,
    rate,
    questions: strata.length,
    items: items.length,
    questionRate: meanOrNull(strata.map(mean)),
    theseQuestions: rate === null ? notEstimable('no answer') : estimated(these),
    questionsLikeThese:
      rate === null ? notEstimable('no answer') : estimated(shareOfLikeThese(items, rate, these, confidence)),
  };
}

/** The share of at least one value and its interval for these questions alone. */
export function shareOfTheseQuestions(
  values: readonly Clustered[],
  confidence = CONFIDENCE,
  estimator: ShareEstimator = 'pooled',
): { rate: number; range: Range } {
  const rate = rateOf(values, estimator) as number;
  return { rate, range: shareOfThese(weighed(values, estimator), rate, confidence) };
}

/** The share alone, 0-1; null without values. */
export function rateOf(values: readonly Clustered[], estimator: ShareEstimator = 'pooled'): number | null {
  if (values.length === 0) return null;
  if (estimator === 'pooled') return sum(values.map(({ value }) => value)) / values.length;
  // means of means, not weighted sums: all hits must be exactly 1
  return mean(questionsByItem(values).map((questions) => mean(questions.map(mean))));
}

/** A question's weight in the mean of the questions' rates: every item has the same, and in it every question. */
export function questionMeanWeights(itemOfQuestion: ReadonlyMap<string, string>): Map<string, number> {
  const forms = groupBy([...itemOfQuestion.keys()], (question) => itemOfQuestion.get(question) as string);
  return new Map(
    [...forms.values()].flatMap((own) => own.map((question) => [question, 1 / (own.length * forms.size)])),
  );
}

/** A question's values. Its rate has the weight `values.length / divisor` in the share. */
interface Weighed {
  values: number[];
  divisor: number;
}

/** `pooled`: every answer has the same weight; `question_mean`: every item has, and in it every question. */
function weighed(values: readonly Clustered[], estimator: ShareEstimator): Weighed[] {
  if (estimator === 'pooled')
    return valuesBy(values, ({ question }) => question).map((own) => ({ values: own, divisor: values.length }));
  const items = questionsByItem(values);
  return items.flatMap((questions) =>
    questions.map((own) => ({ values: own, divisor: own.length * questions.length * items.length })),
  );
}

function questionsByItem(values: readonly Clustered[]): number[][][] {
  return [...groupBy(values, itemOf).values()].map((rows) => valuesBy(rows, ({ question }) => question));
}

/**
 * Student's t over the strata that questions are: the spread within each question alone, with Satterthwaite's degrees of
 * freedom. A question with one answer borrows the others' spread; where all have one, the spread over all answers stands in,
 * which is too wide rather than too narrow.
 */
function meanOfThese(strata: readonly number[][], scale: Range, confidence: number): Range {
  const all = strata.flat();
  const centre = mean(all);
  const several = strata.filter(({ length }) => length > 1);
  const parts = several.map((values) => part(values.length, all.length, sd(values) ** 2, values.length - 1));
  const single = strata.length - several.length;
  if (single > 0) {
    const freedom = sum(several.map(({ length }) => length - 1));
    const within = sum(several.map((values) => (values.length - 1) * sd(values) ** 2));
    const [variance, degrees] =
      freedom > 0 ? [within / freedom, freedom] : all.length > 1 ? [sd(all) ** 2, all.length - 1] : [0, 1];
    parts.push({ variance: (single * variance) / all.length ** 2, freedom: degrees });
  }
  const variance = sum(parts.map((each) => each.variance));
  if (isNothing(variance, centre)) return aroundOneValue(centre, wilsonRange(0, all.length, confidence)[1], scale);
  return around(centre, tReach(satterthwaite(parts), confidence) * Math.sqrt(variance), scale);
}

/** What a question's mean adds to the variance of the mean of `all` values. */
function part(own: number, all: number, variance: number, freedom: number): { variance: number; freedom: number } {
  return { variance: (own * variance) / all ** 2, freedom };
}

/**
 * Student's t over items, of which there is one at least, each with its values. With unequal numbers of answers the mean of all is
 * a ratio of two sums over items, and its variance that of the linearised ratio; with equal ones it is that of the item means.
 */
export function meanOfLikeThese(items: readonly number[][], scale: Range, confidence = CONFIDENCE): Range {
  const all = items.flat();
  const centre = mean(all);
  if (items.length === 1) return scale; // one question says nothing of others
  const deviations = items.map((values) => (sum(values) - values.length * centre) / (all.length / items.length));
  const variance = sum(deviations.map((value) => value ** 2)) / (items.length * (items.length - 1));
  if (isNothing(variance, centre)) return aroundOneValue(centre, unseen(items, confidence), scale);
  return around(centre, tReach(items.length - 1, confidence) * Math.sqrt(variance), scale);
}

/**
 * Wilson's score interval, for as many independent answers as have the variance that the questions leave: each question's own
 * variance, and that of all answers once more as if it were one further answer to it, since a question that was always or never
 * a hit may be one seldom.
 */
function shareOfThese(strata: readonly Weighed[], rate: number, confidence: number): Range {
  const whole = rate * (1 - rate);
  const variance = sum(
    strata.map(({ values, divisor }) => {
      const own = mean(values);
      return (values.length * own * (1 - own) + whole) / divisor ** 2;
    }),
  );
  const effective = whole === 0 ? independentAnswers(strata) : whole / variance;
  return wilsonRange(rate * effective, effective, confidence);
}

/** As many answers of one weight as have the variance of these with theirs. */
function independentAnswers(strata: readonly Weighed[]): number {
  const answers = sum(strata.map(({ values }) => values.length));
  const weights = sum(strata.map(({ values, divisor }) => values.length * (answers / divisor) ** 2));
  return answers ** 2 / weights;
}

function shareOfLikeThese(items: readonly number[][], rate: number, these: Range, confidence: number): Range {
  const [low, high] = betaBinomialInterval(
    items.map((values) => ({ hits: sum(values), answers: values.length })),
    confidence,
  );
  if (rate >= low && rate <= high) return [low, high];
  // with very unequal numbers of answers the mean over items lies elsewhere than the share of all answers
  return [Math.min(low, these[0]), Math.max(high, these[1])];
}

/** The largest share of answers unlike those seen that the interval allows, over items. */
function unseen(items: readonly number[][], confidence: number): number {
  return betaBinomialInterval(
    items.map(({ length }) => ({ hits: 0, answers: length })),
    confidence,
  )[1];
}

/** Equal scores may differ in their last bit once they are means. */
export function isNothing(variance: number, centre: number): boolean {
  return Math.sqrt(variance) <= 1e-9 * Math.max(1, Math.abs(centre));
}

/** All scores are the same: up to `unseen` of the answers may be anything. */
function aroundOneValue(centre: number, unseen: number, [least, most]: Range): Range {
  return [centre - (centre - least) * unseen, centre + (most - centre) * unseen];
}

export function itemOf({ question, item }: Pick<Clustered, 'question' | 'item'>): string {
  return item ?? question;
}

function valuesBy(values: readonly Clustered[], keyOf: (value: Clustered) => string): number[][] {
  return [...groupBy(values, keyOf).values()].map((rows) => rows.map(({ value }) => value));
}
