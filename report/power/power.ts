/**
 * The smallest effect that a comparison of two cells can show, and what would halve it.
 */
import { smallestEffect } from '../statistics/noncentral-t';
import { ASSUMED_OF_SEEDS, type Spread } from './spreads';

export const POWER = 0.8;

export interface Comparison {
  statistic: 'mean' | 'share';
  /** Items that both cells are asked about. */
  questions: number;
  /** Answers to each item. */
  answers: number;
  /** Training seeds of the recipe with the fewest; 1: nothing is said of other seeds. */
  seeds: number;
  /** What is compared, two sides or the four of an interaction; `seeds`: a recipe under several. */
  sides: readonly ('seeds' | 'fine-tune' | 'untrained')[];
  about: 'these' | 'like_these';
  spread: Spread;
  /** Error that is allowed, both sides together. */
  alpha: number;
}

/** A lever by which an effect of half the size could be shown. `to` null: not by any number. */
export interface Lever {
  what: 'questions' | 'answers' | 'seeds';
  from: number;
  to: number | null;
}

/**
 * In the unit of the spread: the difference that is found with a probability of 80 %. For equivalence the margin within which two
 * equal cells are shown to be equal with that probability. Null where it can not be had: one question says nothing of others.
 */
export function smallestShown(comparison: Comparison, isEquivalence = false): number | null {
  const { variance, freedom } = spreadOfDifference(comparison);
  if (freedom < 1) return null;
  // both ends of an equivalence have to be shown at once
  const power = isEquivalence ? (1 + POWER) / 2 : POWER;
  return Math.sqrt(variance) * smallestEffect(freedom, comparison.alpha, power);
}

/** Numbers up to which a lever is tried. */
const MOST = 1_000_000;

export function halving(comparison: Comparison, isEquivalence = false): Lever[] {
  const now = smallestShown(comparison, isEquivalence);
  if (now === null) return [];
  const levers: Lever['what'][] = [
    'questions',
    'answers',
    ...(comparison.sides.includes('seeds') ? (['seeds'] as const) : []),
  ];
  return levers.map((what) => {
    const enough = (value: number): boolean =>
      (smallestShown({ ...comparison, [what]: value }, isEquivalence) as number) <= now / 2;
    return { what, from: comparison[what], to: leastWith(comparison[what], enough) };
  });
}

/** Of whole numbers from `from` on, the least that is enough; null where `MOST` is not. */
function leastWith(from: number, enough: (value: number) => boolean): number | null {
  if (!enough(MOST)) return null;
  let high = Math.ceil(from);
  while (!enough(high)) high = Math.min(MOST, high * 2);
  let low = Math.max(1, Math.floor(high / 2));
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

/** Answers on every side, questions once for each difference, since its two cells are asked the same, and seeds on trained sides. */
function spreadOfDifference(comparison: Comparison): { variance: number; freedom: number } {
  const { statistic, questions, answers, seeds, sides, about, spread } = comparison;
  const perSide = (of: (side: Comparison['sides'][number]) => number): number =>
    sides.reduce((total, side) => total + of(side), 0);
  const ofAnswers =
    (spread.within ** 2 / (questions * answers)) * perSide((side) => (side === 'seeds' ? 1 / seeds : 1));
  // with one answer to each question the noise of answers can not be told from the questions' own
  const withQuestions = about === 'like_these' || answers === 1;
  const ofQuestions = ((sides.length / 2) * spread.ofQuestions ** 2) / questions;
  const ofItems = ofAnswers + (withQuestions ? ofQuestions : 0);
  const itemFreedom = withQuestions ? questions - 1 : 2 * questions * (answers - 1);
  if (!sides.includes('seeds')) return { variance: ofItems, freedom: itemFreedom };
  // a single fine-tune beside several is taken to vary as they do
  const ofSeeds =
    ASSUMED_OF_SEEDS[statistic] ** 2 * perSide((side) => (side === 'seeds' ? 1 / seeds : side === 'fine-tune' ? 1 : 0));
  if (!withQuestions) return { variance: ofSeeds + ofAnswers, freedom: seeds - 1 };
  const variance = ofItems + ofSeeds;
  const freedom = variance ** 2 / (ofItems ** 2 / Math.max(1, itemFreedom) + ofSeeds ** 2 / (seeds - 1));
  return { variance, freedom: questions > 1 ? freedom : 0 };
}
