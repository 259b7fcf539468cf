/**
 * CSV tables of the models' own probabilities of answers: each model, prompt condition and answer in a row, and each question.
 * No table without any.
 */
import type { Plan } from '../../experiment/plan';
import { interval, toCsv, type Field } from './csv';
import { questionProbabilities, type AnsweredCondition } from '../statistics/answer-probability';
import type { MeanOver } from '../statistics/mean-over';
import type { ReportFile } from '../report-input';
import type { Results } from '../results';

export function answerProbabilityTables(
  { answerProbabilities: planned = {} }: Pick<Plan, 'answerProbabilities'>,
  { answerProbabilities }: Pick<Results, 'answerProbabilities'>,
  measured: readonly AnsweredCondition[],
): ReportFile[] {
  if (answerProbabilities.length === 0) return [];
  const columns = (name: string): string[] => [name, `${name}_se`, `${name}_ci95_low`, `${name}_ci95_high`];
  const header = [
    ...[
      'outcome',
      'question_set',
      'configuration',
      'condition',
      'adapter',
      'answer',
      'questions',
      'expected',
      'valued',
    ],
    ...[...columns('value'), ...columns('against_base'), 'mass'],
  ];
  const rows = answerProbabilities.map((each): Field[] => [
    ...[each.outcome, each.questionSet, each.configuration, each.condition, each.adapter, each.answer],
    ...[each.questions, each.expected, each.valued, ...fields(each.value), ...fields(each.againstBase), each.mass],
  ]);
  const questionHeader = ['outcome', 'configuration', 'condition', 'question', 'answer', 'value', 'mass', 'likeliest'];
  const questions = measured.flatMap(({ outcome, configuration, condition, rows: all }) => {
    const own = planned[outcome];
    const ids = new Map(own?.questions.map(({ key, id }) => [key, id]));
    return (all ?? []).flatMap((row) =>
      own === undefined
        ? []
        : questionProbabilities(row, own).map(({ id, answer, value, mass }): Field[] => [
            ...[outcome, configuration, condition, ids.get(id) ?? id, answer, value, mass, row.first[0]?.[0] ?? null],
          ]),
    );
  });
  return [
    { path: 'answer-probability.csv', content: toCsv(header, rows) },
    { path: 'answer-probability-questions.csv', content: toCsv(questionHeader, questions) },
  ];
}

function fields(estimate: MeanOver | null): Field[] {
  return estimate === null
    ? [null, null, null, null]
    : [estimate.mean, estimate.standardError, ...interval(estimate.ci95)];
}
