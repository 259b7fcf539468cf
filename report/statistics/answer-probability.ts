/**
 * The models' own probabilities of answers, summed up over an outcome's questions: of each word, or the number that a model
 * gives, and how far that is from the base model's. No judge and no sampling has a part in it.
 *
 * Questions that are forms of one item are no independent draws of a question: their mean is one value.
 */
import type { Sha256 } from '../../experiment/canonical';
import { answerMeasurements } from '../../experiment/measurements';
import type { Plan, PlannedAnswerMeasurement, PlannedAnswerProbability } from '../../experiment/plan';
import { mapValues } from '../../experiment/records';
import type { MeasuredAnswers } from '../../experiment/rows';
import { itemOfQuestion } from '../../experiment/scored-answer';
import type { ReportSpec } from '../../experiment/spec';
import { againstBase } from './against-base';
import { groupBy } from './grouping';
import type { Range } from './intervals';
import { meanOver, type MeanOver } from './mean-over';
import { mean, meanOrNull, sum } from './summation';

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
  /** Items that the questions with a value are forms of. */
  items: number;
  /** The word's probability (0-1), or the number (0-100): over items. */
  value: MeanOver;
  /** Questions that have a value both here and of the base model; null without a difference. */
  compared: number | null;
  /** `value` minus that of the base model under its default prompt, over those; null for that itself or without. */
  againstBase: MeanOver | null;
  /** Mean over items of the probability of all words, or all numbers, of the outcome together. */
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
  const itemsOf = mapValues(
    answerProbabilities,
    ({ questions }) => new Map(questions.map((question) => [question.key, itemOfQuestion(question)])),
  );
  const held = againstBase<PlannedAnswerMeasurement, MeasuredAnswers>(configurations, spec, {
    measurementsOf: answerMeasurements,
    rowsOf: (configuration, { outcome, condition }) =>
      places.get(placeOf({ outcome, configuration, condition })) ?? null,
    expected: ({ questions }) => questions,
    nouns: 'questions',
  });
  const results = held.flatMap(({ configuration, measurement, rows, reference }): AnswerProbabilityResult[] => {
    const { outcome, condition, questions: expected } = measurement;
    const planned = answerProbabilities[outcome] as PlannedAnswerProbability;
    const items = itemsOf[outcome] as Map<Sha256, string>;
    const [scale, differences] = SCALES[planned.words === undefined ? 'numbers' : 'words'];
    const asked = (rows ?? []).map((row) => questionProbabilities(row, planned));
    const others = new Map((reference ?? []).map((row) => [row.id, questionProbabilities(row, planned)]));
    const there = asked.map(([first]) => (first === undefined ? undefined : others.get(first.id)));
    const forms = formsOfItems(rows ?? [], items);
    const masses = asked.flatMap(([first]) => first?.mass ?? []);
    const mass = meanOrNull(overItems(masses, forms));
    return answersOf(planned).map((answer, index): AnswerProbabilityResult => {
      const here = asked.map((answers) => answers[index]?.value ?? null);
      const values = overItems(here, forms);
      const compared = here.map((value, place) => {
        const other = there[place]?.[index]?.value ?? null;
        return value === null || other === null ? null : value - other;
      });
      const isCompared = rows !== null && reference !== null;
      return {
        ...{ outcome, questionSet: planned.questionSet, configuration, condition },
        adapter: rows?.[0]?.adapter ?? null,
        ...{ answer, questions: here.length, expected, valued: countValued(here), items: values.length },
        value: meanOver(values, 'question', scale),
        compared: isCompared ? countValued(compared) : null,
        againstBase: isCompared ? meanOver(overItems(compared, forms), 'question', differences) : null,
        mass,
      };
    });
  });
  const order = new Map(Object.keys(answerProbabilities).map((outcome, index) => [outcome, index]));
  const placeIn = ({ outcome }: AnswerProbabilityResult): number => order.get(outcome) as number;
  return results.sort((a, b) => placeIn(a) - placeIn(b));
}

/** Ends of a value, and of a difference of two. */
const SCALES: Record<'words' | 'numbers', [Range, Range]> = {
  words: [
    [0, 1],
    [-1, 1],
  ],
  numbers: [
    [0, 100],
    [-100, 100],
  ],
};

function countValued(values: readonly (number | null)[]): number {
  return values.filter((value) => value !== null).length;
}

/** For each item the places of the questions that are forms of it. */
function formsOfItems(rows: readonly MeasuredAnswers[], items: ReadonlyMap<Sha256, string>): number[][] {
  const places = rows.map(({ id }, place) => ({ item: items.get(id) ?? id, place }));
  return [...groupBy(places, ({ item }) => item).values()].map((own) => own.map(({ place }) => place));
}

/** For each item the mean over those of its forms that have a value. */
function overItems(values: readonly (number | null)[], forms: readonly number[][]): number[] {
  const means: number[] = [];
  for (const places of forms) {
    const own = places.flatMap((place) => values[place] ?? []);
    if (own.length > 0) means.push(own.length === 1 ? (own[0] as number) : mean(own));
  }
  return means;
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
