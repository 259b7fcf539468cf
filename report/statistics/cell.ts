/**
 * A cell's numbers: counts by status, mean, share misaligned and intervals, from its completions and judgements.
 *
 * Nothing is ever imputed: an answer without a score takes no part in a mean. Where more than 2 % of the verdicts are
 * unknown, the summary also says what the mean would be had all of them been 0, and had all been 100; where any is, what
 * the misaligned share could be (worst-case.ts).
 */
import type { Sha256 } from '../../experiment/canonical';
import type { PlannedCell, PlannedMetric, Question } from '../../experiment/plan';
import { completionId, type Completion, type Judgement, type JudgementStatus } from '../../experiment/rows';
import { repeatsOf, requestCounter } from '../../experiment/requests';
import { samplesOf } from '../../experiment/shards';
import type { MisalignedRule } from '../../experiment/spec';
import type { Answer, ScoredValue, VerdictWords } from '../../experiment/scored-answer';
import { isYesOrNo } from '../../experiment/scorers';
import { itemOfQuestion, scoresOf } from '../../experiment/scored-answer';
import {
  misalignedCount,
  misalignedFlag,
  misalignedShare,
  questionsLeftOut,
  ruleMetrics,
  ruleNames,
  type MisalignedCount,
  type ScoreNames,
} from './misaligned';
import { groupBy } from './grouping';
import { estimateMean, estimateShare, type MeanEstimate, type ShareEstimate } from './estimates';
import type { Interval } from './intervals';
import { meanOrNull, sum } from './summation';
import { misalignedBounds, type Bounds } from './worst-case';

/** Share of unknown verdicts above which the 0/100 bounds are shown. */
export const UNKNOWN_SHARE = 0.02;

/** `missing`: planned and not there, because the completion or the verdict is lacking. */
export type StatusCounts = Record<JudgementStatus | 'missing', number>;

export interface MetricSummary {
  metric: string;
  /** Judgements that the plan asks for; the counts add up to it. */
  expected: number;
  counts: StatusCounts;
  /** Over answers; 0-100. Where a rule gives 100 or 0, the intervals are those of a share. */
  estimate: MeanEstimate;
  /**
   * Judge refused, unparsable, failed or missing: verdicts that were wanted and could not be had. `model_refused` and
   * `code` are verdicts of the rubric and not among them, and of an answer that is `cut_off` none was wanted.
   */
  unknown: number;
  /** Mean if every unknown verdict were 0 and if it were 100; null when they are at most 2 % of the expected. */
  bounds: Bounds | null;
  /** Scored answers in [0,10), [10,20) … [90,100]. */
  histogram: number[];
  /** Scored verdicts by whole number, repeats included, only those that occur; a score between two counts to the nearer. */
  scoreCounts: Record<number, number>;
}

export interface QuestionSummary {
  id: string;
  /** Completions that are there, and that the plan asks for. */
  answers: number;
  expected: number;
  metrics: { metric: string; expected: number; counts: StatusCounts; scored: number; mean: number | null }[];
  misaligned: MisalignedCount | null;
}

export interface CellSummary {
  cell: string;
  configuration: string;
  questionSet: string;
  condition: string;
  /** Of given answers: rows of their table. */
  completions: {
    expected: number;
    present: number;
    /** Ended by the limit of new tokens instead of by the model. */
    cut: number;
    /** Without a final part; only where the model thinks before it answers. */
    cutOff?: number;
  };
  metrics: MetricSummary[];
  /** Null where not all metrics of the rule are there. */
  misaligned: ShareEstimate | null;
  /** What that share could be, had every unknown verdict been had; null where none is unknown. */
  misalignedBounds: Bounds | null;
  /** In the order of the question set. */
  questions: QuestionSummary[];
}

/** A cell's rows as the store holds them. */
export interface CellContents {
  cell: PlannedCell;
  questions: readonly Question[];
  completions: readonly Completion[];
  judgements: readonly Judgement[];
}

/** Which metrics make the misaligned share, and the rule. */
export interface SummaryRules {
  alignment: string | null;
  coherence: string | null;
  misaligned: MisalignedRule;
}

/** One answer with everything the report shows of it. */
export interface JudgedAnswer extends Answer {
  completion: Completion;
  judgements: Judgement[];
  misaligned: boolean;
}

/**
 * The answers of a cell with their verdicts; a given one as often as its table has it. Throws when rows do not belong to the cell
 * or one is there twice.
 */
export function judgedAnswers(contents: CellContents, rules: SummaryRules): JudgedAnswer[] {
  const { cell, questions, completions, judgements } = contents;
  const asked = new Map(
    questions.map((question) => [question.key, { id: question.id, item: itemOfQuestion(question) }]),
  );
  const known = new Set<string>();
  for (const { id, question } of completions) {
    if (!asked.has(question))
      throw new Error(`cell ${cell.id}: completion ${id} answers a question that it does not ask`);
    if (known.has(id)) throw new Error(`cell ${cell.id}: completion ${id} is there twice`);
    known.add(id);
  }
  for (const judgement of judgements) {
    if (!known.has(judgement.completion))
      throw new Error(`cell ${cell.id}: judgement ${judgement.id} is of no completion of it`);
    checkScore(judgement);
  }
  const verdicts = groupBy(judgements, ({ completion }) => completion);
  for (const [completion, own] of verdicts) {
    // by completion: one set of all of a cell's could be larger than a set may be
    const seen = new Set<string>();
    for (const { metric, repeat } of own) {
      const slot = `${metric} ${repeat}`;
      if (seen.has(slot)) throw new Error(`cell ${cell.id}: judgement ${completion} ${slot} is there twice`);
      seen.add(slot);
    }
  }
  const { conditions } = rules.misaligned;
  const names = ruleNames(rules);
  const metrics = names === null ? [] : ruleMetrics(rules.misaligned, names);
  return [...completions].sort(byId).flatMap((completion) => {
    const own = [...(verdicts.get(completion.id) ?? [])].sort(byId); // a copy has no room to grow
    const scores = Object.fromEntries(cell.metrics.map(({ metric }) => [metric, scoreOf(own, metric)]));
    const { id: question, item } = asked.get(completion.question) as { id: string; item: string };
    const plain: Answer = {
      question,
      item,
      // answers from elsewhere share no randomness with those of other cells
      ...(cell.given === true ? {} : { sample: completion.sample }),
      scores,
      ...(conditions === undefined ? {} : { words: wordsOf(own, metrics) }),
    };
    const answer: JudgedAnswer = {
      ...plain,
      completion,
      judgements: own,
      misaligned: names !== null && misalignedFlag(plain, rules.misaligned, names) === 1,
    };
    const rows = rowsOf(cell, completion.id);
    return rows === 1 ? [answer] : Array.from({ length: rows }, () => answer);
  });
}

/** `metrics`: those of the rule. */
function wordsOf(judgements: readonly Judgement[], metrics: readonly string[]): VerdictWords {
  const categories: Record<string, string> = {};
  for (const metric of metrics) {
    const named = new Set(
      judgements.flatMap((row) => (row.metric === metric && row.verdict !== undefined ? [row.verdict] : [])),
    );
    const [only] = named;
    if (only !== undefined && named.size === 1) categories[metric] = only;
  }
  const statuses = new Set(judgements.flatMap(({ metric, status }) => (metrics.includes(metric) ? [status] : [])));
  const declined = (['model_refused', 'code'] as const).find((status) => statuses.has(status)) ?? null;
  return { categories, declined };
}

/** Rows of its table that a given answer stands for; 1 for any other. */
function rowsOf({ rowsOf: several = {} }: PlannedCell, completion: Sha256): number {
  return Object.hasOwn(several, completion) ? (several[completion] as number) : 1;
}

export function summarizeCell(
  contents: CellContents,
  rules: SummaryRules,
  answers: readonly JudgedAnswer[] = judgedAnswers(contents, rules),
): CellSummary {
  const { cell, questions } = contents;
  const names = scoreNames(cell, rules);
  const leftOut = new Set(names === null ? [] : questionsLeftOut(answers, rules.misaligned, names));
  const asked = cell.metrics.map((metric) => ({
    metric: metric.metric,
    share: isYesOrNo(metric.scorer),
    byQuestion: expectedVerdicts(metric, cell, questions),
  }));
  const byQuestion = groupBy(answers, ({ completion }) => completion.question);
  return {
    cell: cell.id,
    configuration: cell.configuration,
    questionSet: cell.questionSet,
    condition: cell.condition,
    completions: {
      expected: cell.completions + sum(Object.values(cell.rowsOf ?? {}).map((rows) => rows - 1)),
      present: answers.length,
      cut: answers.filter(({ completion }) => completion.finish === 'length').length,
      ...(cell.context.sampling.thinking === undefined
        ? {}
        : { cutOff: answers.filter(({ completion }) => completion.finish === 'cut_off').length }),
    },
    metrics: asked.map(({ metric, share, byQuestion: expected }) =>
      summarizeMetric(metric, sum([...expected.values()]), answers, share ? estimatePercent : estimateMean),
    ),
    misaligned: names === null ? null : misalignedShare(answers, rules.misaligned, names),
    misalignedBounds: names === null ? null : misalignedBounds({ cell, questions, answers }, rules.misaligned, names),
    questions: questions.map((question) => {
      const own = byQuestion.get(question.key) ?? [];
      return {
        id: question.id,
        answers: own.length,
        expected: cell.given === true ? own.length : cell.samplesPerQuestion,
        metrics: asked.map(({ metric, byQuestion: expectedBy }) => {
          const expected = expectedBy.get(question.key) ?? 0;
          const scores = scoresOf(own, metric).map(({ value }) => value);
          return {
            metric,
            expected,
            counts: countStatuses(own, metric, expected),
            scored: scores.length,
            mean: meanOrNull(scores),
          };
        }),
        misaligned: names === null ? null : misalignedCount(own, rules.misaligned, names, leftOut),
      };
    }),
  };
}

/**
 * Verdicts that the plan asks for by question key, without the questions that the metric does not judge. One on an answer that
 * its table has several times counts as often.
 */
function expectedVerdicts(
  metric: PlannedMetric,
  cell: PlannedCell,
  questions: readonly Question[],
): Map<Sha256, number> {
  const requests = requestCounter(metric);
  const judged = questions.filter(({ key }) => metric.instrumentOf[key] !== undefined);
  const expected = new Map(judged.map(({ key }) => [key, requests(cell, key)]));
  if (cell.rowsOf === undefined) return expected;
  const times = repeatsOf(metric);
  for (const { key } of judged) {
    const further = Array.from({ length: samplesOf(cell, key) }, (_, sample) => {
      const completion = completionId(cell.contextKey, key, sample);
      return (rowsOf(cell, completion) - 1) * times(completion);
    });
    expected.set(key, (expected.get(key) ?? 0) + sum(further));
  }
  return expected;
}

/** The names that the misaligned share goes by, if this cell has all metrics that it takes. */
export function scoreNames(cell: Pick<PlannedCell, 'metrics'>, rules: SummaryRules): ScoreNames | null {
  const names = ruleNames(rules);
  if (names === null) return null;
  const has = (name: string): boolean => cell.metrics.some(({ metric }) => metric === name);
  return ruleMetrics(rules.misaligned, names).every(has) ? names : null;
}

function summarizeMetric(
  name: string,
  expected: number,
  answers: readonly JudgedAnswer[],
  estimate: (scores: readonly ScoredValue[]) => MeanEstimate,
): MetricSummary {
  const counts = countStatuses(answers, name, expected);
  const scores = scoresOf(answers, name);
  const unknown = counts.judge_refused + counts.unparsable + counts.failed + counts.too_slow + counts.missing;
  const verdicts = answers.flatMap(({ judgements }) =>
    judgements.flatMap(({ metric, score }) => (metric === name && score !== null ? [score] : [])),
  );
  const known = sum(verdicts);
  const bounded = expected > 0 && unknown / expected > UNKNOWN_SHARE;
  const total = verdicts.length + unknown;
  const histogram = Array.from({ length: 10 }, () => 0);
  for (const { value } of scores) histogram[Math.min(9, Math.floor(value / 10))]! += 1;
  return {
    metric: name,
    expected,
    counts,
    estimate: estimate(scores),
    unknown,
    bounds: bounded ? { low: known / total, high: (known + 100 * unknown) / total } : null,
    histogram,
    scoreCounts: countsByWholeNumber(verdicts),
  };
}

/** A mean of scores that are 100 or 0, which is a share and has a share's intervals. */
function estimatePercent(scores: readonly ScoredValue[]): MeanEstimate {
  const share = estimateShare(scores.map((score) => ({ ...score, value: score.value / 100 })));
  const percent = ({ range, reason }: Interval): Interval => ({
    range: range === null ? null : [100 * range[0], 100 * range[1]],
    reason,
  });
  return {
    ...estimateMean(scores),
    theseQuestions: percent(share.theseQuestions),
    questionsLikeThese: percent(share.questionsLikeThese),
  };
}

function countsByWholeNumber(scores: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const score of scores) counts[Math.round(score)] = (counts[Math.round(score)] ?? 0) + 1;
  return counts;
}

function countStatuses(answers: readonly JudgedAnswer[], metric: string, expected: number): StatusCounts {
  // written out: a report has a hundred thousand, which so share one shape in memory
  const counts: StatusCounts = {
    scored: 0,
    categorised: 0,
    model_refused: 0,
    code: 0,
    cut_off: 0,
    judge_refused: 0,
    unparsable: 0,
    failed: 0,
    no_score: 0,
    too_slow: 0,
    missing: expected,
  };
  for (const { judgements } of answers) {
    for (const judgement of judgements) {
      if (judgement.metric !== metric) continue;
      counts[judgement.status] += 1;
      counts.missing -= 1;
    }
  }
  if (counts.missing < 0)
    throw new Error(`there are ${-counts.missing} more judgements of ${metric} than the plan asks for`);
  return counts;
}

/** Mean of an answer's scored verdicts; null when none of them is a score. */
function scoreOf(judgements: readonly Judgement[], metric: string): number | null {
  const scores = judgements.flatMap((judgement) =>
    judgement.metric === metric && judgement.score !== null ? [judgement.score] : [],
  );
  return meanOrNull(scores);
}

function checkScore({ id, status, score }: Judgement): void {
  const valid = status === 'scored' ? score !== null && score >= 0 && score <= 100 : score === null;
  if (!valid)
    throw new Error(`judgement ${id} has status ${status} and score ${score}: a score is 0-100 when scored, else null`);
}

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
