/**
 * The difference of two cells over the questions that both ask. Where both have as many answers to each question, its value is the
 * difference of the cells' values.
 */
import type { ShareEstimator } from '../../experiment/spec';
import { combineMeans, combineShares, type Arm, type Combination } from './combinations';
import type { Clustered, TwoIntervals } from './estimates';
import { CONFIDENCE } from './intervals';

export interface Difference extends TwoIntervals {
  /** Questions with a value on both sides, and the items that they are forms of; the difference is over these alone. */
  questions: number;
  items: number;
  /** Here less reference; null without a common question. */
  difference: number | null;
}

/** Of mean scores, 0-100. */
export function differenceOfMeans(
  here: readonly Clustered[],
  reference: readonly Clustered[],
  confidence = CONFIDENCE,
): Difference {
  return differenceIn(combineMeans(less(here, reference), confidence));
}

/** Of shares, 0-1. */
export function differenceOfShares(
  here: readonly Clustered[],
  reference: readonly Clustered[],
  confidence = CONFIDENCE,
  estimator: ShareEstimator = 'pooled',
): Difference {
  return differenceIn(combineShares(less(here, reference), confidence, estimator));
}

function less(here: readonly Clustered[], reference: readonly Clustered[]): Arm[] {
  return [
    { sign: 1, values: here },
    { sign: -1, values: reference },
  ];
}

/** Of a combination that is one; its members are written out so that the many of a large experiment share one shape in memory. */
export function differenceIn({ questions, items, value, theseQuestions, questionsLikeThese }: Combination): Difference {
  return { questions, items, difference: value, theseQuestions, questionsLikeThese };
}
