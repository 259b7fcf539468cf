/**
 * The models' own probabilities of answers, summed up over an outcome's questions: of each word, or the number that a model
 * gives, and how far that is from the base model's. No judge and no sampling has a part in it.
 */
import { canonicalJson, type Sha256 } from '../../experiment/canonical';
import { answerMeasurements } from '../../experiment/measurements';
import type { Plan, PlannedAnswerMeasurement, PlannedAnswerProbability } from '../../experiment/plan';
import type { MeasuredAnswers } from '../../experiment/rows';
import type { ReportSpec } from '../../experiment/spec';
import { meanOver, type MeanOver } from './mean-over';
import { referencesOf } from './references';
import { meanOrNull, sum } from './summation';

/** What the store has of a planned measurement. */
export interface AnsweredCondition {
  outcome: string;
  configuration: string;
  condition: string;
  /** Null: not measured. */
  rows: readonly MeasuredAnswers[] | null;
}

/** What the value of a number is called where a word would stand. */
export const NUMBERS = '0-100';

/** One word of an outcome, or its number, of one model under one prompt condition. */
export interface AnswerProbabilityResult {
  outcome: string;
  questionSet: string;
  configuration: string;
  condition: string;
  /** SHA-256 of the adapter's weights; null = base model, or not measured. */
  adapter: Sha256 | null;
  /** The word, or `NUMBERS`. */
  answer: string;
  /** Questions measured and asked. */
  questions: number;
  expected: number;
  /** Of these, questions that have a value: numbers of too little probability give none. */
  valued: number;
  /** The word's probability (0-1), or the number (0-100). */
  value: MeanOver;
  /** `value` minus that of the base model under its default prompt, question by question; null for that itself or without. */
  againstBase: MeanOver | null;
  /** Mean over questions of the probability of all words, or all numbers, of the outcome together. */
  mass: number | null;
}

/** What a model says to one question. */
export interface QuestionProbability {
  /** The question's key. */
  id: Sha256;
  answer: string;
  /** Null: the numbers have too little probability together. */
  value: number | null;
  mass: number;
}

/** In the order of the plan. Empty where it measures none. Throws when there are not as many rows as planned. */
export function answerProbabilityResults(
  { configurations, answerProbabilities = {} }: Pick<Plan, 'configurations' | 'answerProbabilities'>,
  measured: readonly AnsweredCondition[],
  spec: Pick<ReportSpec, 'references'>,
): AnswerProbabilityResult[] {
  const places = new Map(measured.map((each) => [placeOf(each), each.rows]));
  const find = (configuration: string | undefined, of: Pick<PlannedAnswerMeasurement, 'outcome' | 'condition'>) =>
    configuration === undefined ? null : (places.get(placeOf({ configuration, ...of })) ?? null);
  const references = referencesOf(configurations, spec);
  const results = configurations.flatMap((configuration) => {
    // the untrained model under another prompt is held against itself
    const base = configuration.recipeKey === null ? configuration : references(configuration).base;
    return answerMeasurements(configuration).flatMap((measurement): AnswerProbabilityResult[] => {
      const { outcome, condition, questions: expected } = measurement;
      const planned = answerProbabilities[outcome] as PlannedAnswerProbability;
      const { name } = configuration;
      const rows = find(name, measurement);
      if (rows !== null && rows.length !== expected) {
        throw new Error(`${name}, ${outcome}, ${condition}: ${rows.length} questions are measured, not ${expected}`);
      }
      const untrained =
        base && answerMeasurements(base).find((each) => each.outcome === outcome && each.condition === 'default');
      const reference = untrained == null || !sameModel(measurement, untrained) ? null : find(base?.name, untrained);
      const own = (rows ?? []).flatMap((row) => questionProbabilities(row, planned));
      const others = rows === reference ? [] : (reference ?? []).flatMap((row) => questionProbabilities(row, planned));
      return answersOf(planned).map((answer) => {
        const here = own.filter((each) => each.answer === answer);
        const there = new Map(others.flatMap((each) => (each.answer === answer ? [[each.id, each.value]] : [])));
        const values = here.flatMap(({ value }) => value ?? []);
        const differences = here.flatMap(({ id, value }) => {
          const other = there.get(id) ?? null;
          return value === null || other === null ? [] : [value - other];
        });
        return {
          ...{ outcome, questionSet: planned.questionSet, configuration: name, condition },
          adapter: rows?.[0]?.adapter ?? null,
          ...{ answer, questions: here.length, expected, valued: values.length },
          value: meanOver(values, 'question'),
          againstBase: rows === null || others.length === 0 ? null : meanOver(differences, 'question'),
          mass: meanOrNull(here.map(({ mass }) => mass)),
        };
      });
    });
  });
  const order = Object.keys(answerProbabilities);
  return results.sort((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome));
}

/** How many measurements are missing. */
export function unmeasuredAnswers(results: readonly AnswerProbabilityResult[]): AnswerProbabilityResult[] {
  const missing = results.filter(({ questions }) => questions === 0);
  return [...new Map(missing.map((each) => [placeOf(each), each])).values()];
}

export function answersOf({ words }: Pick<PlannedAnswerProbability, 'words'>): string[] {
  return words ?? [NUMBERS];
}

/** Each word, or the number. */
export function questionProbabilities(
  { id, answers }: Pick<MeasuredAnswers, 'id' | 'answers'>,
  { words, numbers }: Pick<PlannedAnswerProbability, 'words' | 'numbers'>,
): QuestionProbability[] {
  const probabilities = answers.map((value) => Math.exp(value));
  const mass = sum(probabilities);
  if (words !== undefined)
    return words.map((answer, index) => ({ id, answer, value: probabilities[index] as number, mass }));
  const expected = sum(probabilities.map((share, number) => share * number)) / mass;
  return [{ id, answer: NUMBERS, value: mass < (numbers?.leastMass ?? 0) ? null : expected, mass }];
}

function placeOf({ outcome, configuration, condition }: Omit<AnsweredCondition, 'rows'>): string {
  return JSON.stringify([outcome, configuration, condition]);
}

function sameModel(here: PlannedAnswerMeasurement, there: PlannedAnswerMeasurement): boolean {
  return canonicalJson(here.context.model) === canonicalJson(there.context.model);
}
