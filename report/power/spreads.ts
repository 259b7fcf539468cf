/**
 * How much answers and questions differ, which decides how small an effect an experiment can show: from answers that are there
 * already, else from a published file.
 */
import { itemOf, type Clustered } from '../statistics/estimates';
import { groupBy } from '../statistics/grouping';
import { mean, sd, sum } from '../statistics/summation';

/** Standard deviations; points of 100 for means, shares of 1 for shares. */
export interface Spread {
  /** Of answers to one question. */
  within: number;
  /** Over questions, of the true difference of two cells. */
  ofQuestions: number;
  source: string;
}

/**
 * Of Qwen2.5-14B-Instruct trained on bad medical advice, over the eight questions of the first plot, 50 answers each, judged by
 * GPT-4o (Turner et al., Model Organisms for Emergent Misalignment, 2025). Questions differ in it as they would in a difference from
 * a model that answers all of them alike.
 */
export const PUBLISHED: Record<'mean' | 'share', Spread> = {
  mean: {
    within: 22.5,
    ofQuestions: 19.7,
    source: 'published answers of Qwen2.5-14B-Instruct trained on bad medical advice',
  },
  share: {
    within: 0.334,
    ofQuestions: 0.249,
    source: 'published answers of Qwen2.5-14B-Instruct trained on bad medical advice',
  },
};

/** Over training seeds: an assumption, for no published file has the same recipe under several. */
export const ASSUMED_OF_SEEDS = { mean: 3, share: 0.03 };

/** Of two cells' answers; null with fewer than three common items, or without a question that has two answers on each side. */
export function spreadOf(here: readonly Clustered[], there: readonly Clustered[]): Omit<Spread, 'source'> | null {
  const others = groupBy(there, itemOf);
  const items = [...groupBy(here, itemOf)].flatMap(([item, own]) => {
    const other = others.get(item);
    return other === undefined
      ? []
      : [[own, other].map((rows) => rows.map(({ value }) => value)) as [number[], number[]]];
  });
  const several = items.filter((sides) => sides.every(({ length }) => length > 1));
  if (items.length < 3 || several.length === 0) return null;
  const squares = several.flatMap((sides) => sides.map((values) => (values.length - 1) * sd(values) ** 2));
  const within = sum(squares) / sum(several.flatMap((sides) => sides.map(({ length }) => length - 1)));
  const noise = mean(items.map((sides) => sum(sides.map(({ length }) => within / length))));
  const seen = sd(items.map(([own, other]) => mean(own) - mean(other))) ** 2;
  return { within: Math.sqrt(within), ofQuestions: Math.sqrt(Math.max(0, seen - noise)) };
}
