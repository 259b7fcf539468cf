/**
 * The difference of two cells' shares among questions like those asked, from their discordant pairs: an answer of one cell that is
 * a hit beside one of the other that is none. With shares p and q of one question, p (1 - q) of its pairs are hits here alone and
 * q (1 - p) there alone, and the difference p - q is that of the two: d (2 f - 1), where d is the share of discordant pairs and f
 * the share of these that are hits here. What both cells have in common, questions that are easy or hard for both, is in the pairs
 * that agree and takes no part (McNemar 1947; with a factor of the odds that is the same for all questions, f is the same for
 * all, as in the conditional logistic regression).
 *
 * Each question has a d and an f of its own, both beta distributed (beta-binomial.ts). The interval is the equal-tailed one of the
 * posterior of their means' d (2 f - 1). Simulated coverage: docs/statistics.md.
 */
import { betaBinomialMasses, type QuestionHits, type ShareMass } from './beta-binomial';
import type { Range } from './intervals';

/** What two cells answered to the forms of one item. */
export type PairedHits = readonly [here: QuestionHits, there: QuestionHits];

/** Intervals by their counts. */
const KNOWN = new Map<string, Range>();
const MOST_KNOWN = 10_000;

/**
 * Here less there, by item; each item has the pairs of all its forms. Every answer here is paired with every one there, so the order
 * of answers makes no difference; they count as as many pairs as have the variance of the difference, the harmonic mean of both
 * numbers. Throws `RangeError` without a pair.
 */
export function discordanceInterval(items: readonly (readonly PairedHits[])[], confidence: number): Range {
  const pairs = items.map((forms) => {
    const own = forms.map(discordant);
    const total = (of: keyof Discordant): number => own.reduce((sum, each) => sum + each[of], 0);
    return { here: total('here'), there: total('there'), pairs: total('pairs') };
  });
  if (pairs.every((item) => item.pairs === 0)) throw new RangeError('no difference of no answers');
  const key = `${confidence}:${pairs
    .map(({ here, there, pairs: of }) => `${here}/${there}/${of}`)
    .sort()
    .join()}`;
  const known = KNOWN.get(key);
  if (known !== undefined) return known;
  const share = betaBinomialMasses(pairs.map((item) => ({ hits: item.here + item.there, answers: item.pairs })));
  const direction = betaBinomialMasses(pairs.map((item) => ({ hits: item.here, answers: item.here + item.there })));
  const below = belowDifference(share, direction);
  const interval: Range = [quantile(below, (1 - confidence) / 2), quantile(below, (1 + confidence) / 2)];
  if (KNOWN.size === MOST_KNOWN) KNOWN.clear();
  KNOWN.set(key, interval);
  return interval;
}

interface Discordant {
  /** Pairs that are a hit here alone, and there alone. */
  here: number;
  there: number;
  pairs: number;
}

function discordant([here, there]: PairedHits): Discordant {
  if (here.answers === 0 || there.answers === 0) return { here: 0, there: 0, pairs: 0 };
  const pairs = 2 / (1 / here.answers + 1 / there.answers);
  const [p, q] = [here.hits / here.answers, there.hits / there.answers];
  return { here: pairs * p * (1 - q), there: pairs * q * (1 - p), pairs };
}

/** The probability that the difference lies below a value. */
function belowDifference(share: readonly ShareMass[], direction: readonly ShareMass[]): (value: number) => number {
  const sums = [0];
  for (const { mass } of direction) sums.push((sums.at(-1) as number) + mass);
  return (value) =>
    share.reduce((total, d) => {
      const most = (value / d.share + 1) / 2;
      let [from, to] = [0, direction.length];
      while (from < to) {
        const middle = (from + to) >> 1;
        if ((direction[middle] as ShareMass).share <= most) from = middle + 1;
        else to = middle;
      }
      return total + d.mass * (sums[from] as number);
    }, 0);
}

const STEPS = 24;

/** By bisection, to less than 1e-6. */
function quantile(below: (value: number) => number, p: number): number {
  let [low, high] = [-1, 1];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (below(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
