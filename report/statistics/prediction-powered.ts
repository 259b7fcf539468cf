/**
 * What people would have said of all answers, from their labels of some and a judge's values of all: the power-tuned
 * prediction-powered estimate of a mean (PPI++; Angelopoulos, Bates, Fannjiang, Jordan and Zrnic, Science 382:669-674, 2023;
 * Angelopoulos, Duchi and Zrnic, arXiv:2311.01453). It is right however wrong the judge is, as long as the labelled answers are
 * a random part of all: the labels say how far the judge is off, and by how much its values can be relied on.
 *
 * Answers to one question are not independent, so errors are those of sums over items. With one answer an item all of it is the
 * paper's.
 */
import { groupBy } from './grouping';
import { estimateMean, estimateShare, isNothing, itemOf, SCORES, type Clustered } from './estimates';
import { around, estimated, notEstimable, tReach, wilsonRange, Z975, type Interval, type Range } from './intervals';
import { mean, meanOrNull, sum } from './summation';

/** One answer that the judge has a value of, which is `value`. */
export interface LabelledValue extends Clustered {
  /** People's; null where they gave none. */
  label: number | null;
}

export interface Estimated {
  /** Answers that it rests on, and the items that their questions are forms of. */
  n: number;
  items: number;
  /** Null without an answer. */
  value: number | null;
  /** 95 %, for questions like these; on the scale. */
  ci95: Interval;
}

export interface PredictionPowered extends Estimated {
  /** Answers with a label, and their items. */
  labelled: number;
  labelledItems: number;
  /** 0: the judge is of no help, and the estimate is that of the labels alone; 1: it is relied on in full. */
  lambda: number;
}

export interface ThreeEstimates {
  predictionPowered: PredictionPowered;
  /** The classical estimate from the labels. */
  labelsOnly: Estimated;
  /** The judge's values as if people had given them. */
  judgeOnly: Estimated;
}

/** Of scores 0-100. */
export function threeMeans(values: readonly LabelledValue[]): ThreeEstimates {
  return { predictionPowered: poweredMean(values), labelsOnly: meanOf(labelsOf(values)), judgeOnly: meanOf(values) };
}

/** Of values and labels that are 0 or 1. */
export function threeShares(values: readonly LabelledValue[]): ThreeEstimates {
  return { predictionPowered: poweredShare(values), labelsOnly: shareOf(labelsOf(values)), judgeOnly: shareOf(values) };
}

export function poweredMean(values: readonly LabelledValue[]): PredictionPowered {
  return powered(values, SCORES, meanOf, ({ value, error, freedom }) => around(value, tReach(freedom) * error, SCORES));
}

/**
 * Wilson's interval, for as many independent labels as have this error (Korn and Graubard 1998). A few questions' shares may
 * happen to be alike; the error is never less than if all answers were independent.
 */
export function poweredShare(values: readonly LabelledValue[]): PredictionPowered {
  return powered(values, [0, 1], shareOf, ({ value, error, independentError, freedom }) => {
    const half = Math.max(error, independentError) * tReach(freedom);
    const effective = (value * (1 - value) * Z975 ** 2) / half ** 2;
    const [low, high] = wilsonRange(value * effective, effective);
    return [Math.max(0, low), Math.min(1, high)];
  });
}

function meanOf(values: readonly Clustered[]): Estimated {
  const { n, items, mean: value, questionsLikeThese: ci95 } = estimateMean(values);
  return { n, items, value, ci95 };
}

function shareOf(values: readonly Clustered[]): Estimated {
  const { denominator: n, items, rate: value, questionsLikeThese: ci95 } = estimateShare(values);
  return { n, items, value, ci95 };
}

function labelsOf(values: readonly LabelledValue[]): Clustered[] {
  return values.flatMap(({ label, ...of }) => (label === null ? [] : [{ ...of, value: label }]));
}

interface Tuned {
  value: number;
  lambda: number;
  /** Standard error over items, and what it would be were answers to one question independent. */
  error: number;
  independentError: number;
  freedom: number;
}

/** Where the judge is of no help, where labels are all the same and where the correction leaves the scale: the labels' own. */
function powered(
  values: readonly LabelledValue[],
  [least, most]: Range,
  ownEstimate: (values: readonly Clustered[]) => Estimated,
  rangeOf: (tuned: Tuned) => Range,
): PredictionPowered {
  const labels = labelsOf(values);
  const counts = {
    n: values.length,
    items: itemsIn(values),
    labelled: labels.length,
    labelledItems: itemsIn(labels),
  };
  if (counts.labelledItems < 2) {
    const ci95 = notEstimable(labels.length === 0 ? 'no labels' : 'labels of only one question');
    return { ...counts, value: meanOrNull(labels.map(({ value }) => value)), lambda: 0, ci95 };
  }
  const tuned = powerTuned(values);
  const { value, lambda, error } = tuned;
  const onScale = value > least && value < most;
  if (lambda > 0 && onScale && !isNothing(error ** 2, value))
    return { ...counts, value, lambda, ci95: estimated(rangeOf(tuned)) };
  const own = ownEstimate(labels);
  return { ...counts, value: own.value, lambda: 0, ci95: own.ci95 };
}

function itemsIn(values: readonly Clustered[]): number {
  return new Set(values.map(itemOf)).size;
}

/**
 * The labels' mean, moved by lambda times how much more the judge gives the answers without a label than those with one.
 * Lambda is what makes the estimate's variance over items least, within 0 and 1.
 */
function powerTuned(values: readonly LabelledValue[]): Tuned {
  const labelled = values.filter((each): each is LabelledValue & { label: number } => each.label !== null);
  const rest = values.filter(({ label }) => label === null);
  const [label, judged] = [mean(labelled.map((each) => each.label)), mean(labelled.map(({ value }) => value))];
  const unlabelled = meanOrNull(rest.map(({ value }) => value));
  if (unlabelled === null) return { value: label, lambda: 0, error: 0, independentError: 0, freedom: 0 };
  // what each answer adds to the error of the labels' mean, and to that of the difference of the judge's two means
  const parts = values.map((each) => ({
    item: itemOf(each),
    ofLabels: each.label === null ? 0 : (each.label - label) / labelled.length,
    ofJudge: each.label === null ? (each.value - unlabelled) / rest.length : (judged - each.value) / labelled.length,
  }));
  const items = [...groupBy(parts, ({ item }) => item).values()].map((own) => ({
    ofLabels: sum(own.map(({ ofLabels }) => ofLabels)),
    ofJudge: sum(own.map(({ ofJudge }) => ofJudge)),
  }));
  const together = sum(items.map(({ ofLabels, ofJudge }) => ofLabels * ofJudge));
  const alone = sum(items.map(({ ofJudge }) => ofJudge ** 2));
  const lambda = alone === 0 ? 0 : Math.min(1, Math.max(0, -together / alone));
  const squares = (of: readonly { ofLabels: number; ofJudge: number }[]): number =>
    sum(of.map(({ ofLabels, ofJudge }) => (ofLabels + lambda * ofJudge) ** 2));
  const freedom = itemsIn(labelled) - 1;
  return {
    value: label + lambda * (unlabelled - judged),
    lambda,
    error: Math.sqrt((squares(items) * (freedom + 1)) / freedom),
    independentError: Math.sqrt((squares(parts) * labelled.length) / (labelled.length - 1)),
    freedom,
  };
}
