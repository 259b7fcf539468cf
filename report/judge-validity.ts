/**
 * A judge held against people's labels of some of its answers: how far they agree, and what people would have said of all
 * answers. `flamingo analyze FILE --labels LABELS`.
 */
import { askedAs, valueOf, type Answer } from '../experiment/scored-answer';
import type { MisalignedRule } from '../experiment/spec';
import type { HumanLabel, Labels } from '../inputs/answers/read-labels';
import { agreementOfWords, alphaOfScores, type Coefficient } from './statistics/agreement';
import { estimateMean, itemOf, type MeanEstimate } from './statistics/estimates';
import type { Interval, Range } from './statistics/intervals';
import { isMisaligned, misalignedFlag, questionsLeftOut, type ScoreNames } from './statistics/misaligned';
import {
  threeMeans,
  threeShares,
  type Estimated,
  type LabelledValue,
  type ThreeEstimates,
} from './statistics/prediction-powered';
import { spearman } from './statistics/ranks';
import { separation, type Separation } from './statistics/separation';

export interface JudgeValidity {
  /** The table of labels. */
  file: string;
  /** What its rows were found by: `id`, `question_id and answer`, `question and answer`. */
  joinedBy: string;
  /** Answers with a label. */
  labelled: number;
  metrics: MetricValidity[];
  /** Null where people neither said it nor gave both scores. */
  misaligned: MisalignedValidity | null;
}

interface Compared {
  /** Answers with a label and a value of the judge: what the agreement is of. */
  labelled: number;
  /** Labels that nothing can be compared with, as the judge has no value there. */
  withoutJudge: number;
  /** Of all answers that the judge has a value of. */
  estimates: ThreeEstimates;
}

export interface MetricValidity extends Compared {
  metric: string;
  alpha: Coefficient;
  /**
   * Every label is the judge's own score to the last digit, of at least ten answers: most likely the judge's column, which a table
   * of labels still has.
   */
  sameAsJudge: boolean;
  /** Judge minus people, answer by answer, in points. */
  difference: MeanEstimate;
  /** Of the judge's and people's scores; null with fewer than two or where one side is constant. */
  spearman: number | null;
}

/** Answers on which people and a judge do not give the same scores 0-100 by chance. */
const SUSPICIOUS = 10;

export interface MisalignedValidity extends Compared {
  /** Whether people's flag is their own or made of their two scores by the rule. */
  source: 'labels' | 'rule';
  /** Answers that are misaligned to both, to one alone, to neither. */
  both: number;
  judgeOnly: number;
  peopleOnly: number;
  neither: number;
  alpha: Coefficient;
  kappa: Coefficient;
  ac1: Coefficient;
  /** How far the judge's alignment scores of what people call misaligned lie below the others. */
  separation: Separation;
}

/** `answers`: in the order of the table that the labels are of. */
export function judgeValidity(
  file: string,
  answers: readonly Answer[],
  labels: Labels,
  definition: MisalignedRule,
  names: ScoreNames,
): JudgeValidity {
  const { byRow, metrics, joinedBy } = labels;
  return {
    ...{ file, joinedBy, labelled: byRow.size },
    metrics: metrics.flatMap((metric) => metricValidity(metric, answers, byRow) ?? []),
    misaligned: misalignedValidity(answers, labels, definition, names),
  };
}

/** Null where nobody labelled it. */
function metricValidity(
  metric: string,
  answers: readonly Answer[],
  byRow: ReadonlyMap<number, HumanLabel>,
): MetricValidity | null {
  const labelOf = (row: number): number | null => byRow.get(row)?.scores[metric] ?? null;
  const all = answers.flatMap(({ question, item, scores }, row): LabelledValue[] => {
    const value = scores[metric] ?? null;
    return value === null ? [] : [{ question, item, value, label: labelOf(row) }];
  });
  const given = answers.filter((_, row) => labelOf(row) !== null).length;
  if (given === 0) return null;
  const pairs = all.flatMap(({ label, ...of }) => (label === null ? [] : [{ ...of, label }]));
  return {
    ...{ metric, labelled: pairs.length, withoutJudge: given - pairs.length },
    sameAsJudge: pairs.length >= SUSPICIOUS && pairs.every(({ value, label }) => value === label),
    alpha: alphaOfScores(pairs.map(({ value, label, ...of }) => ({ item: itemOf(of), values: [value, label] }))),
    difference: estimateMean(
      pairs.map(({ value, label, ...of }) => ({ ...of, value: value - label })),
      [-100, 100],
    ),
    spearman: spearman(pairs.map(({ value, label }) => [value, label])),
    estimates: threeMeans(all),
  };
}

/** Shares are of all answers, whatever the rule's estimator. The denominator is the judge's: of an answer without the judge's flag a label says nothing of the judge. */
function misalignedValidity(
  answers: readonly Answer[],
  { byRow, flagged }: Labels,
  definition: MisalignedRule,
  names: ScoreNames,
): MisalignedValidity | null {
  const labelOf = (row: number): boolean | null => {
    const label = byRow.get(row);
    if (label === undefined || flagged) return label?.misaligned ?? null;
    if (definition.conditions !== undefined) {
      const flag = misalignedFlag({ question: '', item: '', scores: label.scores }, definition, names);
      return flag === null ? null : flag === 1;
    }
    const [alignment, coherence] = [label.scores[names.alignment] ?? null, label.scores[names.coherence] ?? null];
    return alignment === null || coherence === null ? null : isMisaligned(definition, alignment, coherence);
  };
  const leftOut = new Set(questionsLeftOut(answers, definition, names));
  const all = answers.flatMap((answer, row) => {
    const flag = leftOut.has(askedAs(answer)) ? null : misalignedFlag(answer, definition, names);
    if (flag === null) return [];
    const label = labelOf(row);
    return [
      {
        ...valueOf(answer, flag),
        label: label === null ? null : Number(label),
        score: answer.scores[names.alignment] ?? null,
      },
    ];
  });
  const given = answers.filter((_, row) => labelOf(row) !== null).length;
  if (given === 0) return null;
  const pairs = all.flatMap(({ label, ...of }) => (label === null ? [] : [{ ...of, label }]));
  const count = (judge: number, people: number): number =>
    pairs.filter(({ value, label }) => value === judge && label === people).length;
  const { alpha, pair } = agreementOfWords(
    pairs.map(({ value, label, ...of }) => ({ item: itemOf(of), values: [String(value), String(label)] })),
  );
  if (pair === null) throw new Error('judge and people are two');
  const scoresOf = (people: number) =>
    pairs.flatMap(({ label, score, ...of }) =>
      label === people && score !== null ? [{ item: itemOf(of), score }] : [],
    );
  return {
    ...{ labelled: pairs.length, withoutJudge: given - pairs.length, source: flagged ? 'labels' : 'rule' },
    ...{ both: count(1, 1), judgeOnly: count(1, 0), peopleOnly: count(0, 1), neither: count(0, 0) },
    ...{ alpha, kappa: pair.kappa, ac1: pair.ac1 },
    separation: separation(scoresOf(1), scoresOf(0)),
    estimates: threeShares(all.map(({ question, item, value, label }) => ({ question, item, value, label }))),
  };
}

/** A value with its 95 % interval; `note` says why there is none. */
export interface ValueJson {
  value: number | null;
  ci95: Range | null;
  note: string | null;
}

type EstimateJson = ValueJson & { n: number; items: number };

export interface ThreeEstimatesJson {
  predictionPowered: EstimateJson & { labelled: number; labelledItems: number; lambda: number };
  labelsOnly: EstimateJson;
  judgeOnly: EstimateJson;
}

/** What `--json` prints; shares are of 1. */
export interface JudgeValidityJson {
  file: string;
  joinedBy: string;
  labelled: number;
  metrics: {
    metric: string;
    labelled: number;
    withoutJudge: number;
    sameAsJudge: boolean;
    alpha: ValueJson;
    difference: ValueJson;
    spearman: number | null;
    estimates: ThreeEstimatesJson;
  }[];
  misaligned:
    | (Pick<
        MisalignedValidity,
        'source' | 'labelled' | 'withoutJudge' | 'both' | 'judgeOnly' | 'peopleOnly' | 'neither'
      > & {
        alpha: ValueJson;
        kappa: ValueJson;
        ac1: ValueJson;
        auc: ValueJson;
        estimates: ThreeEstimatesJson;
      })
    | null;
}

export function judgeValidityJson({ metrics, misaligned, ...of }: JudgeValidity): JudgeValidityJson {
  return {
    ...of,
    metrics: metrics.map(({ alpha, difference, estimates, ...metric }) => ({
      ...metric,
      alpha: valueJson(alpha.value, alpha.ci95),
      difference: valueJson(difference.mean, difference.questionsLikeThese),
      estimates: threeJson(estimates),
    })),
    misaligned: misaligned && misalignedJson(misaligned),
  };
}

function misalignedJson({
  alpha,
  kappa,
  ac1,
  separation: { auc, ci95 },
  estimates,
  ...counts
}: MisalignedValidity): NonNullable<JudgeValidityJson['misaligned']> {
  return {
    ...counts,
    alpha: valueJson(alpha.value, alpha.ci95),
    kappa: valueJson(kappa.value, kappa.ci95),
    ac1: valueJson(ac1.value, ac1.ci95),
    auc: valueJson(auc, ci95),
    estimates: threeJson(estimates),
  };
}

function threeJson({ predictionPowered, labelsOnly, judgeOnly }: ThreeEstimates): ThreeEstimatesJson {
  const { labelled, labelledItems, lambda } = predictionPowered;
  return {
    predictionPowered: { ...estimateJson(predictionPowered), labelled, labelledItems, lambda },
    labelsOnly: estimateJson(labelsOnly),
    judgeOnly: estimateJson(judgeOnly),
  };
}

function estimateJson({ n, items, value, ci95 }: Estimated): EstimateJson {
  return { n, items, ...valueJson(value, ci95) };
}

function valueJson(value: number | null, { range, reason }: Interval): ValueJson {
  return { value, ci95: range, note: reason };
}
