/**
 * Agreement of raters on the same answers, beyond chance: Krippendorff's alpha, Cohen's kappa and Gwet's AC1, each with a 95 %
 * interval that resamples items. Checked against frozen values of published examples, of the `krippendorff` package, of
 * scikit-learn, and of a second implementation of AC1.
 */
import { betaBinomialInterval } from './beta-binomial';
import {
  bootstrapInterval,
  NO_VARIANCE,
  resample,
  total,
  type ItemSums,
  type Resampled,
  type Statistic,
} from './cluster-bootstrap';
import { groupBy } from './grouping';
import { estimated, notEstimable, type Interval, type Range } from './intervals';
import { mean, sum } from './summation';

/** One answer's ratings. */
export interface RatedAnswer<T> {
  /** The item that the answer's question is a form of. */
  item: string;
  /** One per rater, null where that rater gave none. Answers with fewer than two count not. */
  values: readonly (T | null)[];
}

export interface Coefficient {
  /** 1 = perfect, 0 = as by chance, below 0 = worse. Null where it is not defined. */
  value: number | null;
  ci95: Interval;
}

/** Of words that have no order: verdicts, categories, flags. */
export interface AgreementOfWords {
  /** Krippendorff's; null without two ratings that differ. */
  alpha: Coefficient;
  /**
   * Of two raters; null with more. Cohen's kappa is not defined when both always say the same one word, since agreement by
   * chance is then perfect too. Gwet's AC1 takes the words that occur, at least two, as the scale.
   */
  pair: { kappa: Coefficient; ac1: Coefficient } | null;
}

const SCALE: Range = [-1, 1];

/** Scores are 0-100; the square of the largest difference. */
const LARGEST = 100 ** 2;
/** Scores whose variance is below this are the same but for their last bits. */
const NOTHING = 1e-10;

/**
 * Krippendorff's alpha with squared differences, for scores. Null when no answer has two ratings, or when all ratings are one
 * and the same: there is nothing to agree about.
 */
export function alphaOfScores(answers: readonly RatedAnswer<number>[]): Coefficient {
  const rated = pairable(answers);
  // differences do not change when all scores move; around the mean the squares lose no digits
  const centre = rated.length === 0 ? 0 : mean(rated.flatMap(({ values }) => values));
  const items = itemsOf(rated, (own) => {
    const values = own.flatMap((answer) => answer.values.map((value) => value - centre));
    return new Map([
      [0, values.length],
      [1, sum(values)],
      [2, sum(values.map((value) => value * value))],
      [3, sum(own.map((answer) => squaredDifferences(answer.values) / (answer.values.length - 1)))],
    ]);
  });
  const expected = ([n = 0, values = 0, squares = 0]: Float64Array): number =>
    (2 * (n * squares - values * values)) / (n * (n - 1));
  const alpha: Statistic = (sums) => {
    const [n = 0, , , differences = 0] = sums;
    const byChance = n === 0 ? 0 : expected(sums);
    return byChance <= 2 * NOTHING ? null : 1 - differences / n / byChance;
  };
  const sums = total(items, 4);
  const [resampled] = resample(items, 4, [alpha]);
  return coefficient(alpha(sums), resampled as Resampled, countsOf(rated), expected(sums) / LARGEST);
}

/** Over all ordered pairs of one answer's values. */
function squaredDifferences(values: readonly number[]): number {
  let all = 0;
  values.forEach((value, index) => {
    for (let other = 0; other < index; other += 1) all += 2 * (value - (values[other] as number)) ** 2;
  });
  return all;
}

/** Krippendorff's alpha, and of two raters Cohen's kappa and Gwet's AC1. */
export function agreementOfWords(answers: readonly RatedAnswer<string>[]): AgreementOfWords {
  const rated = pairable(answers);
  const words = [...new Set(rated.flatMap(({ values }) => values))].sort();
  const place = new Map(words.map((word, index) => [word, index]));
  const counts = countsOf(rated);
  if (answers.every(({ values }) => values.length === 2)) return ofPair(rated, place, counts);
  // how often each word was given, then the ordered pairs of an answer's ratings that differ, weighed by their number
  const size = words.length + 1;
  const items = itemsOf(rated, (own) => {
    const amounts = new Map<number, number>();
    const add = (at: number, amount: number) => amounts.set(at, (amounts.get(at) ?? 0) + amount);
    for (const { values } of own) for (const word of values) add(place.get(word) as number, 1);
    amounts.set(words.length, sum(own.map(({ values }) => differing(values) / (values.length - 1))));
    return amounts;
  });
  const alpha: Statistic = (sums) => alphaOf(sums.subarray(0, words.length), sums[words.length] as number);
  const [resampled] = resample(items, size, [alpha]);
  const sums = total(items, size);
  const byChance = expectedDifference(sums.subarray(0, words.length));
  return { alpha: coefficient(alpha(sums), resampled as Resampled, counts, byChance), pair: null };
}

/** All three are functions of the table of how often the first rater said one word and the second another. */
function ofPair(
  rated: readonly Rated<string>[],
  place: ReadonlyMap<string, number>,
  counts: readonly number[],
): AgreementOfWords {
  const words = place.size;
  const items = itemsOf(rated, (own) => {
    const amounts = new Map<number, number>();
    for (const { values } of own) {
      const [first, second] = values.map((word) => place.get(word) as number) as [number, number];
      amounts.set(first * words + second, (amounts.get(first * words + second) ?? 0) + 1);
    }
    return amounts;
  });
  const measures: { value: Statistic; disagreement: (table: Table) => number }[] = [
    {
      value: (sums) => {
        const { first, second, same, n } = tableOf(sums, words);
        return alphaOf(added(first, second), 2 * (n - same));
      },
      disagreement: ({ first, second }) => expectedDifference(added(first, second)),
    },
    {
      value: (sums) => beyondChance(tableOf(sums, words), kappaChance),
      disagreement: (table) => 1 - kappaChance(table),
    },
    { value: (sums) => beyondChance(tableOf(sums, words), ac1Chance), disagreement: (table) => 1 - ac1Chance(table) },
  ];
  const sums = total(items, words * words);
  const resampled = resample(
    items,
    words * words,
    measures.map(({ value }) => value),
  );
  const [alpha, kappa, ac1] = measures.map(({ value, disagreement }, index) =>
    coefficient(value(sums), resampled[index] as Resampled, counts, disagreement(tableOf(sums, words))),
  ) as [Coefficient, Coefficient, Coefficient];
  return { alpha, pair: { kappa, ac1 } };
}

/** Two raters' words against each other: how often each said which, and both the same. */
interface Table {
  first: Float64Array;
  second: Float64Array;
  same: number;
  n: number;
}

function tableOf(sums: Float64Array, words: number): Table {
  const table: Table = { first: new Float64Array(words), second: new Float64Array(words), same: 0, n: 0 };
  for (let a = 0; a < words; a += 1) {
    for (let b = 0; b < words; b += 1) {
      const count = sums[a * words + b] as number;
      table.first[a]! += count;
      table.second[b]! += count;
      table.n += count;
      if (a === b) table.same += count;
    }
  }
  return table;
}

function beyondChance(table: Table, chance: (table: Table) => number): number | null {
  if (table.n === 0) return null;
  const byChance = chance(table);
  return byChance === 1 ? null : (table.same / table.n - byChance) / (1 - byChance);
}

/** Both drew words as often as they used them (Cohen 1960). */
function kappaChance({ first, second, n }: Table): number {
  return first.reduce((all, count, word) => all + count * (second[word] as number), 0) / (n * n);
}

/** One of them guesses where an answer is hard to tell (Gwet 2008). */
function ac1Chance({ first, second, n }: Table): number {
  const chance = first.reduce((all, count, word) => {
    const share = (count + (second[word] as number)) / (2 * n);
    return all + share * (1 - share);
  }, 0);
  return chance / (Math.max(2, first.length) - 1);
}

function added(first: Float64Array, second: Float64Array): Float64Array {
  return first.map((count, word) => count + (second[word] as number));
}

/** `counts`: of the words; `differences`: ordered pairs within answers that differ, each answer's over its ratings less one. */
function alphaOf(counts: Float64Array, differences: number): number | null {
  const byChance = expectedDifference(counts);
  return byChance > 0 ? 1 - differences / sumOf(counts) / byChance : null;
}

/** How often two of all ratings differ. */
function expectedDifference(counts: Float64Array): number {
  const n = sumOf(counts);
  if (n < 2) return 0;
  return (n * n - counts.reduce((all, count) => all + count * count, 0)) / (n * (n - 1));
}

function sumOf(counts: Float64Array): number {
  return counts.reduce((all, count) => all + count, 0);
}

/** Ordered pairs of one answer's words that are not the same. */
function differing(values: readonly string[]): number {
  return [...groupBy(values, (word) => word).values()].reduce(
    (all, { length }) => all + length * (values.length - length),
    0,
  );
}

interface Rated<T> {
  item: string;
  values: T[];
}

function pairable<T>(answers: readonly RatedAnswer<T>[]): Rated<T>[] {
  return answers
    .map(({ item, values }) => ({ item, values: values.filter((value): value is T => value !== null) }))
    .filter(({ values }) => values.length > 1);
}

function itemsOf<T>(
  rated: readonly Rated<T>[],
  amountsOf: (own: readonly Rated<T>[]) => ReadonlyMap<number, number>,
): ItemSums[] {
  return [...groupBy(rated, ({ item }) => item)].map(([item, own]) => ({ item, amounts: amountsOf(own) }));
}

/** Answers of each item. */
function countsOf(rated: readonly Rated<unknown>[]): number[] {
  return [...groupBy(rated, ({ item }) => item).values()].map(({ length }) => length);
}

/**
 * Where no two ratings differ there is no spread to draw from. Then as many answers as none would leave room for may differ as
 * far as ratings can; `byChance` is how far they differ by chance, as a share of that.
 */
function coefficient(
  value: number | null,
  resampled: Resampled,
  counts: readonly number[],
  byChance: number,
): Coefficient {
  if (value === null) {
    return {
      value,
      ci95: notEstimable(counts.length === 0 ? 'no answer with two ratings' : 'all ratings are the same'),
    };
  }
  const ci95 = bootstrapInterval(resampled, value, SCALE);
  if (value < 1 || ci95.reason !== NO_VARIANCE) return { value, ci95 };
  const unseen = betaBinomialInterval(counts.map((answers) => ({ hits: 0, answers })))[1];
  return { value, ci95: estimated([Math.max(-1, 1 - unseen / byChance), 1]) };
}
