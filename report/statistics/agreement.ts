/**
 * Agreement of raters on the same answers: Krippendorff's alpha and Cohen's kappa, both beyond chance, in one pass over the
 * ratings. Checked against frozen values of published examples, of the `krippendorff` package and of scikit-learn.
 */
import { mean, sum } from './summation';

/** One list per answer: one entry per rater, null where that rater gave none. Answers with fewer than two count not. */
export type Ratings<T> = readonly (readonly (T | null)[])[];

/**
 * Krippendorff's alpha with squared differences, for scores. 1 = perfect, 0 = as by chance, below 0 = worse. Null when no
 * answer has two ratings, or when all ratings are one and the same: there is nothing to agree about.
 */
export function alphaOfScores(ratings: Ratings<number>): number | null {
  const units = pairable(ratings);
  const all = units.flat();
  if (all.length === 0) return null;
  // differences do not change when all scores move; around the mean the squares lose no digits
  const centre = mean(all);
  const spread = (values: readonly number[]): number => {
    const around = values.map((value) => value - centre);
    return 2 * (values.length * sum(around.map((value) => value * value)) - sum(around) ** 2);
  };
  if (all.every((value) => value === all[0])) return null;
  return alpha(units, all, spread);
}

/** Krippendorff's alpha for words that have no order: verdicts, categories. */
export function alphaOfWords(ratings: Ratings<string>): number | null {
  const units = pairable(ratings);
  const all = units.flat();
  if (all.every((value) => value === all[0])) return null;
  return alpha(units, all, (values) => {
    const counts = new Map<string, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return values.length ** 2 - [...counts.values()].reduce((total, count) => total + count ** 2, 0);
  });
}

/** `distances`: summed over all ordered pairs of a list's values. */
function alpha<T>(units: readonly T[][], all: readonly T[], distances: (values: readonly T[]) => number): number {
  const observed = sum(units.map((unit) => distances(unit) / (unit.length - 1))) / all.length;
  const expected = distances(all) / (all.length * (all.length - 1));
  return 1 - observed / expected;
}

function pairable<T>(ratings: Ratings<T>): T[][] {
  return ratings.map((unit) => unit.filter((value): value is T => value !== null)).filter((unit) => unit.length > 1);
}

/**
 * Cohen's kappa of two raters, one pair of words per answer that both have rated. Null without a pair, and when both always
 * say the same one word: agreement by chance is then perfect too.
 */
export function cohenKappa(pairs: readonly (readonly [string, string])[]): number | null {
  if (pairs.length === 0) return null;
  const [first, second] = [new Map<string, number>(), new Map<string, number>()];
  let same = 0;
  for (const [a, b] of pairs) {
    first.set(a, (first.get(a) ?? 0) + 1);
    second.set(b, (second.get(b) ?? 0) + 1);
    if (a === b) same += 1;
  }
  const n = pairs.length;
  const byChance = [...first].reduce((total, [word, count]) => total + count * (second.get(word) ?? 0), 0);
  return byChance === n * n ? null : (same * n - byChance) / (n * n - byChance);
}
