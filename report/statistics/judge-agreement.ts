/**
 * Judges against each other, over the answers that both have judged: for each metric's scores, for categories, and for the
 * misaligned flag under the experiment's rule.
 */
import { agreementOfWords, alphaOfScores, type RatedAnswer } from './agreement';
import type { JudgedAnswer, SummaryRules } from './cell';
import { misalignedFlag, ruleNames } from './misaligned';
import type { JudgeResults } from './judge-results';
import { estimateMean, type Clustered, type MeanEstimate } from './estimates';
import type { Interval, Range } from './intervals';

export interface Agreement {
  /** Two judges, the main one first where it is one of them; or all, where there are more than two. */
  judges: string[];
  /** A metric, or `misaligned`. */
  measure: string;
  /** `scores`: alpha weighs differences by their square; `words`: two verdicts are the same or they are not. */
  scale: 'scores' | 'words';
  /** Answers that at least two of them have judged, and the items that their questions are forms of. */
  n: number;
  items: number;
  /** Krippendorff's; null without two ratings that differ. */
  alpha: number | null;
  /** Cohen's; of words and of two judges only. */
  kappa: number | null;
  /** Gwet's; of words and of two judges only. */
  ac1: number | null;
  /** 95 %, over items; null of a measure that these judges have none of. */
  ci95: { alpha: Interval; kappa: Interval | null; ac1: Interval | null };
  /** Second judge minus first, by configuration; of two judges and not of categories. */
  shifts: Shift[];
}

export interface Shift {
  configuration: string;
  /** Mean over the answers that both have; for `misaligned` in shares of 1. */
  difference: MeanEstimate;
}

/** A question and its item, with the question set's name. */
type Place = Required<Pick<Clustered, 'question' | 'item'>>;

/** One answer in the eyes of all judges, null where one has nothing to say. */
interface Unit {
  configuration: string;
  place: Place;
  answers: (JudgedAnswer | null)[];
}

/** Empty with fewer than two judges. `judges`: the main one first. */
export function agreements(judges: readonly JudgeResults[], rules: SummaryRules): Agreement[] {
  if (judges.length < 2) return [];
  const units = unitsOf(judges);
  const pairs = judges.flatMap((_, first) =>
    judges.slice(first + 1).map((__, offset): number[] => [first, first + 1 + offset]),
  );
  const groups = judges.length > 2 ? [judges.map((_, index) => index), ...pairs] : pairs;
  const metrics = [...new Set(judges.flatMap(metricsOf))];
  const scoredBy = ruleNames(rules);
  const flag = (answer: JudgedAnswer): number | null =>
    scoredBy === null || answer.judgements.length === 0 ? null : misalignedFlag(answer, rules.misaligned, scoredBy);
  return groups.flatMap((group) => {
    const names = group.map((index) => (judges[index] as JudgeResults).name);
    const common = (valueOf: (answer: JudgedAnswer) => number | null) =>
      ratingsOf(units, group, valueOf).filter(({ values }) => values.filter((value) => value !== null).length > 1);
    const perMetric = metrics.flatMap((metric): Agreement[] => {
      const scores = common((answer) => answer.scores[metric] ?? null);
      const words = ratingsOf(units, group, (answer) => verdictOf(answer, metric)).filter(
        ({ values }) => values.filter((value) => value !== null).length > 1,
      );
      return [
        ...(scores.length === 0 ? [] : [ofScores(names, metric, scores)]),
        ...(words.length === 0 ? [] : [ofWords(names, metric, words)]),
      ];
    });
    const flags = common(flag);
    if (flags.length === 0) return perMetric;
    const words = flags.map((unit) => ({ ...unit, values: unit.values.map((value) => value?.toString() ?? null) }));
    return [...perMetric, { ...ofWords(names, 'misaligned', words), shifts: shiftsOf(flags, [-1, 1]) }];
  });
}

function metricsOf({ cells }: JudgeResults): string[] {
  return [...cells.values()].flatMap(({ summary }) => summary.metrics.map(({ metric }) => metric));
}

function unitsOf(judges: readonly JudgeResults[]): Unit[] {
  const units = new Map<string, Unit>();
  judges.forEach(({ cells }, index) => {
    for (const [cell, { answers, summary }] of cells) {
      const rows = new Map<string, number>(); // a given answer is there once for each row of its table
      for (const answer of answers) {
        const row = rows.get(answer.completion.id) ?? 0;
        rows.set(answer.completion.id, row + 1);
        const key = `${cell} ${answer.completion.id} ${row}`;
        const unit = units.get(key) ?? {
          configuration: summary.configuration,
          place: {
            question: `${summary.questionSet} ${answer.question}`,
            item: `${summary.questionSet} ${answer.item}`,
          },
          answers: judges.map(() => null),
        };
        unit.answers[index] = answer;
        units.set(key, unit);
      }
    }
  });
  return [...units.values()];
}

interface Rated<T> {
  configuration: string;
  place: Place;
  values: (T | null)[];
}

function ratingsOf<T>(
  units: readonly Unit[],
  group: readonly number[],
  valueOf: (answer: JudgedAnswer) => T | null,
): Rated<T>[] {
  return units.map(({ configuration, place, answers }) => ({
    configuration,
    place,
    values: group.map((index) => {
      const answer = answers[index] ?? null;
      return answer === null ? null : valueOf(answer);
    }),
  }));
}

/** The first repeat that has one. */
function verdictOf({ judgements }: JudgedAnswer, metric: string): string | null {
  const named = judgements.filter((judgement) => judgement.metric === metric && judgement.verdict !== undefined);
  return named.sort((a, b) => a.repeat - b.repeat)[0]?.verdict ?? null;
}

function ofScores(judges: string[], measure: string, rated: readonly Rated<number>[]): Agreement {
  const alpha = alphaOfScores(rated.map(ratedAnswer));
  return {
    ...{ judges, measure, scale: 'scores', n: rated.length, items: itemsOf(rated) },
    ...{ alpha: alpha.value, kappa: null, ac1: null },
    ci95: { alpha: alpha.ci95, kappa: null, ac1: null },
    shifts: judges.length === 2 ? shiftsOf(rated, [-100, 100]) : [],
  };
}

function ofWords(judges: string[], measure: string, rated: readonly Rated<string>[]): Agreement {
  const { alpha, pair } = agreementOfWords(rated.map(ratedAnswer));
  return {
    ...{ judges, measure, scale: 'words', n: rated.length, items: itemsOf(rated) },
    ...{ alpha: alpha.value, kappa: pair?.kappa.value ?? null, ac1: pair?.ac1.value ?? null },
    ci95: { alpha: alpha.ci95, kappa: pair?.kappa.ci95 ?? null, ac1: pair?.ac1.ci95 ?? null },
    shifts: [],
  };
}

function ratedAnswer<T>({ place, values }: Rated<T>): RatedAnswer<T> {
  return { item: place.item, values };
}

function itemsOf(rated: readonly Rated<unknown>[]): number {
  return new Set(rated.map(({ place }) => place.item)).size;
}

/** Empty unless there are two judges, both of whom have rated every answer. */
function shiftsOf(rated: readonly Rated<number>[], scale: Range): Shift[] {
  if (rated.some(({ values }) => values.length !== 2)) return [];
  const groups = new Map<string, Clustered[]>();
  for (const { configuration, place, values } of rated) {
    const [first, second] = values as [number, number];
    const own = groups.get(configuration) ?? [];
    own.push({ ...place, value: second - first });
    groups.set(configuration, own);
  }
  return [...groups].map(([configuration, differences]) => ({
    configuration,
    difference: estimateMean(differences, scale),
  }));
}
