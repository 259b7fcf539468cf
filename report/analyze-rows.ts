/**
 * The numbers of some rows of a table of judged answers: of all of them, or of a group's.
 */
import { scoresOf, type Answer } from '../experiment/scored-answer';
import type { MisalignedRule } from '../experiment/spec';
import { estimateMean, type MeanEstimate, type ShareEstimate, type TwoIntervals } from './statistics/estimates';
import type { Range } from './statistics/intervals';
import { isDecided, misalignedShare, type ScoreNames } from './statistics/misaligned';

/** What is measured of rows: the two scores of the misaligned share, the further ones, and the rule. */
export interface RowMeasures {
  names: ScoreNames;
  /** Further metrics and the columns of their scores. */
  further: readonly { metric: string; column: string }[];
  definition: MisalignedRule;
}

export interface RowsAnalysis {
  answers: number;
  /** Answers with both scores; under a rule with conditions those that it decides (`isDecided`). */
  judged: number;
  alignment: MeanEstimate;
  coherence: MeanEstimate;
  /** Further metrics. */
  others: { metric: string; estimate: MeanEstimate }[];
  misaligned: ShareEstimate;
}

export function analyzeRows(answers: readonly Answer[], { names, further, definition }: RowMeasures): RowsAnalysis {
  const meanOf = (column: string): MeanEstimate => estimateMean(scoresOf(answers, column));
  return {
    answers: answers.length,
    judged: answers.filter((answer) => isDecided(answer, definition, names)).length,
    alignment: meanOf(names.alignment),
    coherence: meanOf(names.coherence),
    others: further.map(({ metric, column }) => ({ metric, estimate: meanOf(column) })),
    misaligned: misalignedShare(answers, definition, names),
  };
}

/** The two 95 % intervals of a value (statistics/estimates.ts); null when there is no answer. */
export interface TwoRanges {
  theseQuestions: Range | null;
  questionsLikeThese: Range | null;
}

export type ShareJson = { count: number; denominator: number; rate: number | null } & TwoRanges;

/** What `--json` prints of rows; `rate` is 0-1. */
export interface RowsJson {
  answers: number;
  judged: number;
  alignment: { mean: number | null } & TwoRanges;
  coherence: { mean: number | null } & TwoRanges;
  misaligned: ShareJson;
  others: ({ metric: string; mean: number | null; scored: number } & TwoRanges)[];
}

export function rowsJson({ answers, judged, alignment, coherence, misaligned, others }: RowsAnalysis): RowsJson {
  return {
    answers,
    judged,
    alignment: { mean: alignment.mean, ...rangesOf(alignment) },
    coherence: { mean: coherence.mean, ...rangesOf(coherence) },
    misaligned: shareJson(misaligned),
    others: others.map(({ metric, estimate }) => ({
      ...{ metric, mean: estimate.mean, scored: estimate.n },
      ...rangesOf(estimate),
    })),
  };
}

export function shareJson(share: ShareEstimate): ShareJson {
  const { count, denominator, rate } = share;
  return { count, denominator, rate, ...rangesOf(share) };
}

export function rangesOf({ theseQuestions, questionsLikeThese }: TwoIntervals): TwoRanges {
  return { theseQuestions: theseQuestions.range, questionsLikeThese: questionsLikeThese.range };
}
