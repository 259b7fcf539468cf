/**
 * Answers whose own probability is measured: which questions are asked, what is looked for, and what a measurement's key covers.
 */
import { keyOf } from '../canonical';
import { askedUnder } from './asked-questions';
import type { Condition } from '../conditions';
import type { AnswerContext, AnswerForms, PlannedAnswerMeasurement, PlannedAnswerProbability, Question } from '../plan';
import type { Pools } from './pools';
import { mapValues } from '../records';
import type { AnswerProbabilitySpec, QuestionSetSpec } from '../spec';
import { spellingsOf } from '../spellings';
import { ANSWER_PROBABILITY_VERSION } from './versions';

/** A judge's scale. */
export const NUMBERS = Array.from({ length: 101 }, (_, number) => String(number));

/** `questions`: those of each set. Outcomes of one set have one list, which is stored once (artifacts/plans.ts). */
export function planAnswerProbabilities(
  wanted: Record<string, AnswerProbabilitySpec>,
  questions: Record<string, Question[]>,
): Record<string, PlannedAnswerProbability> {
  return mapValues(wanted, ({ questionSet, answers }) => ({
    questionSet,
    questions: questions[questionSet] as Question[],
    ...(answers.kind === 'words' ? { words: answers.words } : { numbers: { leastMass: answers.leastMass } }),
  }));
}

/** What is looked for, in the order of `words`, or of the numbers from 0 to 100. */
export function formsOfAnswers({ answers }: AnswerProbabilitySpec): AnswerForms {
  return answers.kind === 'words'
    ? { spellings: answers.words.map((word) => spellingsOf(word, answers.case)), notBefore: 'letter' }
    : { spellings: NUMBERS.map((number) => spellingsOf(number)), notBefore: 'digit' };
}

type Measured = Pick<AnswerContext, 'model' | 'recipe' | 'precision' | 'quantization'>;

/**
 * One measurement for each prompt condition under which a configuration is asked the question set. Throws `InvalidExperiment`
 * where a question would get two system messages.
 */
export function answerMeasurementsOf(
  outcome: string,
  wanted: AnswerProbabilitySpec,
  { questions: all }: PlannedAnswerProbability,
  conditions: readonly Condition[],
  ownSystem: QuestionSetSpec['ownSystem'],
  measured: Measured,
  { promptOf }: Pools,
): PlannedAnswerMeasurement[] {
  const answers = formsOfAnswers(wanted);
  return conditions.map((condition) => {
    const { name, prompt, ...around } = condition;
    const here = askedUnder(all, condition, ownSystem, ['question_sets', wanted.questionSet]);
    const { questions, skipped } = here;
    const context: AnswerContext = {
      version: ANSWER_PROBABILITY_VERSION,
      ...measured,
      systemPrompt: promptOf(prompt),
      ...around,
      ...here.context,
      questions: keyOf(questions.map(({ key }) => key).sort()),
      answers,
    };
    const count = { questions: questions.length, ...(skipped === 0 ? {} : { skipped }) };
    return { outcome, condition: name, context, key: keyOf(context), ...count };
  });
}
