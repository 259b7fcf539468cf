/**
 * How much a judge contradicts itself: several verdicts of one judge on the very same answer.
 */
import { estimateShare, type Clustered, type ShareEstimate } from './estimates';
import { mean, sum } from './summation';

export interface Noise {
  /** Answers with at least two scored repeats, and their scored repeats. */
  answers: number;
  verdicts: number;
  /** Standard deviation within an answer, pooled over answers by their degrees of freedom; null without repeats. */
  sd: number | null;
}

/** One list of scores per answer. */
export function noiseWithin(scores: readonly (readonly number[])[]): Noise {
  const repeated = scores.filter(({ length }) => length > 1);
  const verdicts = repeated.reduce((total, { length }) => total + length, 0);
  const squares = repeated.map((own) => {
    const centre = mean(own);
    return sum(own.map((score) => (score - centre) ** 2));
  });
  const freedom = verdicts - repeated.length;
  return { answers: repeated.length, verdicts, sd: freedom === 0 ? null : Math.sqrt(sum(squares) / freedom) };
}

export interface Flips {
  /** Answers with at least two repeats of the flag. */
  answers: number;
  /** Answers whose repeats are not all the same. */
  mixed: number;
  /** Share (0-1) of pairs of repeats that disagree, averaged over answers: how often asking again changes the flag. */
  rate: ShareEstimate;
}

export interface FlaggedAnswer extends Pick<Clustered, 'question' | 'item'> {
  /** One for each repeat. */
  flags: readonly boolean[];
}

export function flipsWithin(flags: readonly FlaggedAnswer[]): Flips {
  const rates = flags
    .filter((answer) => answer.flags.length > 1)
    .map(({ flags: own, ...place }) => {
      const n = own.length;
      const up = own.filter(Boolean).length;
      return { ...place, value: (2 * up * (n - up)) / (n * (n - 1)) };
    });
  return { answers: rates.length, mixed: rates.filter(({ value }) => value > 0).length, rate: estimateShare(rates) };
}
