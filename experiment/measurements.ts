/**
 * Measurements of a configuration: of pairs of answers, one for each prompt condition, and of answers' own probability, one for
 * each outcome and prompt condition.
 */
import { ownSystemOf, type Prompted } from './asked';
import { isGiven } from './given-answers';
import type {
  Plan,
  PlannedAnswerMeasurement,
  PlannedConfiguration,
  PlannedMeasurement,
  PlannedPairMeasurement,
  Question,
} from './plan';

/** What a measurement is known by within its configuration; no name of the experiment file has a slash. */
export function measurementName(measurement: PlannedMeasurement): string {
  return isOfAnswers(measurement) ? `${measurement.outcome}/${measurement.condition}` : measurement.condition;
}

export function isOfAnswers(measurement: PlannedMeasurement): measurement is PlannedAnswerMeasurement {
  return 'outcome' in measurement;
}

export function pairMeasurements({
  measurements = [],
}: Pick<PlannedConfiguration, 'measurements'>): PlannedPairMeasurement[] {
  return measurements.flatMap((each) => (isOfAnswers(each) ? [] : [each]));
}

export function answerMeasurements({
  measurements = [],
}: Pick<PlannedConfiguration, 'measurements'>): PlannedAnswerMeasurement[] {
  return measurements.filter(isOfAnswers);
}

/** A prompt condition under which a configuration is asked or measured. */
export interface ConditionInUse {
  condition: string;
  context: Prompted;
  /** Question sets of which questions with system messages of their own are left out, and how many. */
  skipped?: { questionSet: string; count: number };
}

/** The conditions of a configuration's cells and measurements, each as often as it is used; none of answers from elsewhere. */
export function conditionsInUse(
  configuration: Pick<PlannedConfiguration, 'cells' | 'measurements'>,
  { answerProbabilities = {} }: Pick<Plan, 'answerProbabilities'>,
): ConditionInUse[] {
  const { cells, measurements = [] } = configuration;
  if (isGiven(configuration)) return [];
  return [
    ...cells.map(({ condition, context, questionSet, skipped }) => ({
      ...{ condition, context },
      ...leftOut(questionSet, skipped),
    })),
    ...measurements.map((each): ConditionInUse => {
      const { condition, context } = each;
      if (!isOfAnswers(each)) return { condition, context };
      return { condition, context, ...leftOut(answerProbabilities[each.outcome]?.questionSet, each.skipped) };
    }),
  ];
}

function leftOut(questionSet: string | undefined, count: number | undefined): Pick<ConditionInUse, 'skipped'> {
  return questionSet === undefined || count === undefined ? {} : { skipped: { questionSet, count } };
}

/** The questions that a measurement asks: those with a system message of their own may be left out. Throws where the plan has none. */
export function questionsMeasured(
  { answerProbabilities = {} }: Pick<Plan, 'answerProbabilities'>,
  { outcome, skipped = 0 }: PlannedAnswerMeasurement,
): Question[] {
  const planned = answerProbabilities[outcome];
  if (planned === undefined) throw new Error(`the plan has no outcome ${outcome}`);
  return skipped === 0 ? planned.questions : planned.questions.filter(({ messages }) => ownSystemOf(messages) === null);
}
