/**
 * Aggregates judged answers that already exist, from anywhere: `flamingo analyze`.
 */
import { scoresOf } from '../experiment/scored-answer';
import type { MisalignedRule } from '../experiment/spec';
import { misalignedCount, misalignedShare, type ScoreNames } from './statistics/misaligned';
import { groupBy } from './statistics/grouping';
import { AnswerKeys } from '../inputs/answers/answer-keys';
import { readJudged, type JudgedOptions } from '../inputs/answers/read-judged';
import { readLabels } from '../inputs/answers/read-labels';
import type { LeftOut } from '../inputs/answers/score-columns';
import { judgeValidity, judgeValidityJson, type JudgeValidity, type JudgeValidityJson } from './judge-validity';
import { estimateMean, type MeanEstimate, type ShareEstimate, type TwoIntervals } from './statistics/estimates';
import type { Range } from './statistics/intervals';
import { meanOrNull } from './statistics/summation';
import { TABLE_KINDS, tableKinds, type TableKind } from './statistics/table-kinds';
import { thresholdsOf, type Thresholds } from './statistics/thresholds';

export interface AnalyzeOptions {
  names: ScoreNames;
  definition: MisalignedRule;
  round: JudgedOptions['round'];
  /** Further columns that must hold scores. */
  scoreColumns?: readonly string[];
  delimiter?: JudgedOptions['delimiter'];
  /** A table of people's labels of some of the answers. */
  labels?: string | undefined;
}

/** Estimates of one file, with everything that a table for people shows. */
export interface FileAnalysis {
  file: string;
  answers: number;
  /** Answers with both scores. */
  judged: number;
  alignment: MeanEstimate;
  coherence: MeanEstimate;
  /** Further columns of scores. */
  others: { metric: string; estimate: MeanEstimate }[];
  /** Rows without a score, by metric and why; only metrics that lack any. */
  unscored: { metric: string; counts: Record<string, number> }[];
  /** Shares of all answers: refusals, code and the like. */
  kinds: Record<TableKind, ShareEstimate>;
  /** Further columns of numbers that are no metrics. */
  leftOut: LeftOut[];
  misaligned: ShareEstimate;
  /** Both operators at both thresholds, and how many answers lie exactly there. */
  thresholds: Thresholds;
  /** In the order in which the file first names them. */
  questions: QuestionAnalysis[];
  /** Null without labels. */
  validity: JudgeValidity | null;
}

export interface QuestionAnalysis {
  id: string;
  answers: number;
  /** Means; null when nothing is scored. */
  alignment: number | null;
  coherence: number | null;
  /** Misaligned answers. */
  misaligned: number;
}

/** The two 95 % intervals of a value (statistics/estimates.ts); null when there is no answer. */
export interface TwoRanges {
  theseQuestions: Range | null;
  questionsLikeThese: Range | null;
}

type ShareJson = { count: number; denominator: number; rate: number | null } & TwoRanges;

/** What `--json` prints of a file; `rate` is 0-1. */
export interface AnalysisJson {
  file: string;
  answers: number;
  judged: number;
  alignment: { mean: number | null } & TwoRanges;
  coherence: { mean: number | null } & TwoRanges;
  misaligned: ShareJson;
  /** Shares of all answers. */
  kinds: Record<TableKind, ShareJson>;
  thresholds: {
    /** Answers whose score is exactly the threshold. */
    alignment: { threshold: number; at: number };
    coherence: { threshold: number; at: number };
    /** Misaligned under each pair of operators. */
    shares: { alignment: '<' | '<='; coherence: '>' | '>='; count: number; denominator: number; rate: number | null }[];
  };
  questions: QuestionAnalysis[];
  /** Further columns of scores. */
  others: ({ metric: string; mean: number | null; scored: number } & TwoRanges)[];
  /** By metric: rows without a score by why, such as `missing`, `refusal` or a status of `flamingo judge`. */
  unscored: Record<string, Record<string, number>>;
  /** Further columns of numbers that are no metrics. */
  leftOut: LeftOut[];
  /** Only with labels. */
  validity?: JudgeValidityJson;
}

/** Throws `UnreadableInput`. */
export async function analyzeFile(file: string, options: AnalyzeOptions): Promise<FileAnalysis> {
  const { names, definition, round, scoreColumns = [], delimiter, labels } = options;
  const required = [...new Set([names.alignment, names.coherence, ...scoreColumns])];
  const keys = labels === undefined ? null : new AnswerKeys(file);
  const each = keys === null ? undefined : keys.add.bind(keys);
  const { answers, metrics, unscored, leftOut } = await readJudged(file, { required, round, delimiter, each });
  const meanOf = (metric: string): MeanEstimate => estimateMean(scoresOf(answers, metric));
  const both = answers.filter(({ scores }) => scores[names.alignment] != null && scores[names.coherence] != null);
  return {
    file,
    answers: answers.length,
    judged: both.length,
    alignment: meanOf(names.alignment),
    coherence: meanOf(names.coherence),
    others: metrics
      .filter((metric) => metric !== names.alignment && metric !== names.coherence)
      .map((metric) => ({ metric, estimate: meanOf(metric) })),
    unscored: metrics.flatMap((metric) => {
      const counts = unscored.get(metric);
      return counts === undefined ? [] : [{ metric, counts }];
    }),
    kinds: tableKinds(answers, definition, names),
    leftOut,
    misaligned: misalignedShare(answers, definition, names),
    thresholds: thresholdsOf(answers, definition, names),
    questions: [...groupBy(answers, ({ question }) => question)].map(([id, own]) => ({
      id,
      answers: own.length,
      alignment: meanOrNull(scoresOf(own, names.alignment).map(({ value }) => value)),
      coherence: meanOrNull(scoresOf(own, names.coherence).map(({ value }) => value)),
      misaligned: misalignedCount(own, definition, names).count,
    })),
    validity:
      labels === undefined || keys === null
        ? null
        : judgeValidity(labels, answers, await readLabels(labels, keys, { metrics, round }), definition, names),
  };
}

export function analysisJson({
  file,
  answers,
  judged,
  alignment,
  coherence,
  misaligned,
  thresholds,
  questions,
  others,
  unscored,
  kinds,
  leftOut,
  validity,
}: FileAnalysis): AnalysisJson {
  const exactly = ({ threshold, at }: Thresholds['alignment']) => ({ threshold, at });
  return {
    file,
    answers,
    judged,
    alignment: { mean: alignment.mean, ...rangesOf(alignment) },
    coherence: { mean: coherence.mean, ...rangesOf(coherence) },
    misaligned: shareJson(misaligned),
    kinds: Object.fromEntries(TABLE_KINDS.map((kind) => [kind, shareJson(kinds[kind])])) as AnalysisJson['kinds'],
    thresholds: {
      alignment: exactly(thresholds.alignment),
      coherence: exactly(thresholds.coherence),
      shares: thresholds.shares.map(({ alignment: below, coherence: above, share }) => ({
        ...{ alignment: below, coherence: above },
        ...{ count: share.count, denominator: share.denominator, rate: share.rate },
      })),
    },
    questions,
    others: others.map(({ metric, estimate }) => ({
      ...{ metric, mean: estimate.mean, scored: estimate.n },
      ...rangesOf(estimate),
    })),
    unscored: Object.fromEntries(unscored.map(({ metric, counts }) => [metric, counts])),
    leftOut,
    ...(validity === null ? {} : { validity: judgeValidityJson(validity) }),
  };
}

function shareJson(share: ShareEstimate): ShareJson {
  const { count, denominator, rate } = share;
  return { count, denominator, rate, ...rangesOf(share) };
}

function rangesOf({ theseQuestions, questionsLikeThese }: TwoIntervals): TwoRanges {
  return { theseQuestions: theseQuestions.range, questionsLikeThese: questionsLikeThese.range };
}
