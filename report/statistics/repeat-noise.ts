/**
 * How much a judge contradicts itself: several verdicts of one judge on the very same answer.
 */
import { estimateMean, mean, sum, type MeanEstimate } from './intervals';

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
  rate: MeanEstimate;
}

/** One list of flags per answer. */
export function flipsWithin(flags: readonly { question: string; flags: readonly boolean[] }[]): Flips {
  const rates = flags
    .filter((answer) => answer.flags.length > 1)
    .map((answer) => {
      const n = answer.flags.length;
      const up = answer.flags.filter(Boolean).length;
      return { question: answer.question, value: (2 * up * (n - up)) / (n * (n - 1)) };
    });
  return { answers: rates.length, mixed: rates.filter(({ value }) => value > 0).length, rate: estimateMean(rates) };
}
