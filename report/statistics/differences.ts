/**
 * The difference of two cells over the questions that both ask, for the two estimands of estimates.ts. Its value is the
 * difference of the two cells' values. Cells of one experiment share questions and the randomness of each sample, so what
 * they have in common is taken off by its measured correlation.
 */
import { estimateMean, estimateShare, isNothing, itemOf, type Clustered, type TwoIntervals } from './estimates';
import { groupBy } from './grouping';
import { notEstimable, type Interval, type Range } from './intervals';
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
  if (common.questions === 0) return nothingInCommon();
  const sides = common.sides.map((side) => estimateMean(side));
  const centres = sides.map((side) => side.mean as number) as [number, number];
  const limits: Range = [-100, 100];
  return {
    ...{ questions: common.questions, items: common.items, difference: centres[0] - centres[1] },
    theseQuestions: tOrMover(withinQuestions(common.sides), centres, rangesOf(sides, 'theseQuestions'), limits),
    questionsLikeThese: tOrMover(overItems(common.sides), centres, rangesOf(sides, 'questionsLikeThese'), limits),
  };
}

/**
 * Of shares: the method of variance estimates recovery (MOVER; Newcombe 1998, Zou 2008) from the intervals of both sides,
 * which also serves near 0 and 1, with the correlation of the two.
 */
export function differenceOfShares(here: readonly Clustered[], reference: readonly Clustered[]): Difference {
  const common = commonQuestions(here, reference);
  if (common.questions === 0) return nothingInCommon();
  const sides = common.sides.map(estimateShare);
  const centres = sides.map(({ rate }) => rate as number) as [number, number];
  const interval = (of: keyof TwoIntervals, spread: Spread): Interval =>
    estimated(mover(centres, rangesOf(sides, of), correlation(spread)));
  return {
    ...{ questions: common.questions, items: common.items, difference: centres[0] - centres[1] },
    theseQuestions: interval('theseQuestions', withinQuestions(common.sides)),
    questionsLikeThese: interval('questionsLikeThese', overItems(common.sides)),
  };
}

type Sides = [here: readonly Clustered[], reference: readonly Clustered[]];

interface Common {
  sides: Sides;
  questions: number;
  items: number;
}

function commonQuestions(here: readonly Clustered[], reference: readonly Clustered[]): Common {
  const asked = new Set(reference.map(({ question }) => question));
  const first = here.filter(({ question }) => asked.has(question));
  const questions = new Set(first.map(({ question }) => question));
  const second = reference.filter(({ question }) => questions.has(question));
  return { sides: [first, second], questions: questions.size, items: new Set(first.map(itemOf)).size };
}

function nothingInCommon(): Difference {
  const none = notEstimable('no common question');
  return { questions: 0, items: 0, difference: null, theseQuestions: none, questionsLikeThese: none };
}

/** Variances of the two sides' values and of their difference, and the degrees of freedom of the last; null: not known. */
type Spread = { sides: [number, number]; difference: number; freedom: number } | null;

/** From the answers to each question, with the covariance of samples of one number. Null where a question has one answer. */
function withinQuestions([here, reference]: Sides): Spread {
  const there = groupBy(reference, ({ question }) => question);
  const parts = [...groupBy(here, ({ question }) => question)].map(([question, own]) => {
    const others = there.get(question) as Clustered[];
    const weights = [own.length / here.length, others.length / reference.length] as const;
    const variances = [weights[0] ** 2 * varianceOfMean(own), weights[1] ** 2 * varianceOfMean(others)] as const;
    const shared = weights[0] * weights[1] * covarianceOfMeans(own, others);
    const freedom = Math.min(own.length, others.length) - 1;
    return { variances, difference: Math.max(0, variances[0] + variances[1] - 2 * shared), freedom };
  });
  if (parts.some(({ freedom }) => freedom === 0)) return null;
  const difference = sum(parts.map((part) => part.difference));
  return {
    sides: [sum(parts.map(({ variances }) => variances[0])), sum(parts.map(({ variances }) => variances[1]))],
    difference,
    freedom: difference ** 2 / sum(parts.map((part) => part.difference ** 2 / part.freedom)),
  };
}

/** From the items' own values: of each side the linearised mean's (estimates.ts), and of the differences of those. */
function overItems(sides: Sides): Spread {
  const [first, second] = sides.map((side) => {
    const centre = mean(side.map(({ value }) => value));
    const items = groupBy(side, itemOf);
    const scale = items.size / side.length;
    return new Map(
      [...items].map(([item, rows]) => [item, scale * (sum(rows.map(({ value }) => value)) - rows.length * centre)]),
    );
  }) as [Map<string, number>, Map<string, number>];
  const count = first.size;
  if (count < 2) return null;
  const variance = (values: number[]): number => sum(values.map((value) => value ** 2)) / (count * (count - 1));
  return {
    sides: [variance([...first.values()]), variance([...second.values()])],
    difference: variance([...first].map(([item, value]) => value - (second.get(item) as number))),
    freedom: count - 1,
  };
}

function varianceOfMean(rows: readonly Clustered[]): number {
  const centre = mean(rows.map(({ value }) => value));
  return rows.length < 2 ? 0 : sum(rows.map(({ value }) => (value - centre) ** 2)) / (rows.length - 1) / rows.length;
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

/** Without a spread, because all values are one or a question has one answer, the two sides' intervals decide. */
function tOrMover(spread: Spread, centres: [number, number], ranges: [Range, Range], [least, most]: Range): Interval {
  const value = centres[0] - centres[1];
  if (spread === null || isNothing(spread.difference, value)) return estimated(mover(centres, ranges, 0));
  const half = tQuantile(0.975, spread.freedom) * Math.sqrt(spread.difference);
  return estimated([Math.max(least, value - half), Math.min(most, value + half)]);
}

function mover([a, b]: [number, number], [[lowA, highA], [lowB, highB]]: [Range, Range], correlation: number): Range {
  const distance = (x: number, y: number): number => Math.sqrt(Math.max(0, x * x - 2 * correlation * x * y + y * y));
  return [a - b - distance(a - lowA, highB - b), a - b + distance(highA - a, b - lowB)];
}

function correlation(spread: Spread): number {
  if (spread === null) return 0;
  const [a, b] = spread.sides;
  const both = Math.sqrt(a * b);
  return both === 0 ? 0 : Math.max(-1, Math.min(1, (a + b - spread.difference) / (2 * both)));
}

function rangesOf(sides: readonly TwoIntervals[], of: keyof TwoIntervals): [Range, Range] {
  return sides.map((side) => side[of].range as Range) as [Range, Range];
}

function estimated(range: Range): Interval {
  return { range, reason: null };
}
