/**
 * CSV tables of the models' own probabilities of answers: each model, prompt condition and answer in a row, and each question.
 * No table without any.
 */
import type { Plan } from '../../experiment/plan';
import { csvChunks, meanColumns, meanFields, toCsv, type Field } from './csv';
import { questionProbabilities, type AnsweredCondition } from '../statistics/answer-probability';
import type { ReportFile } from '../report-input';
import type { Results } from '../results';

const HEADER = [
  ...['outcome', 'question_set', 'configuration', 'condition', 'adapter', 'answer'],
  ...['questions', 'expected', 'valued', 'items', ...meanColumns('value')],
  ...['questions_compared', ...meanColumns('against_base'), 'mass'],
];
const QUESTION_HEADER = ['outcome', 'configuration', 'condition', 'question', 'answer', 'value', 'mass', 'likeliest'];

export function answerProbabilityTables(
  { answerProbabilities: planned = {} }: Pick<Plan, 'answerProbabilities'>,
  { answerProbabilities }: Pick<Results, 'answerProbabilities'>,
  measured: readonly AnsweredCondition[],
): ReportFile[] {
  if (answerProbabilities.length === 0) return [];
  const rows = answerProbabilities.map((each): Field[] => [
    ...[each.outcome, each.questionSet, each.configuration, each.condition, each.adapter, each.answer],
    ...[each.questions, each.expected, each.valued, each.items, ...meanFields(each.value)],
    ...[each.compared, ...meanFields(each.againstBase), each.mass],
  ]);
  const questions = function* (): Generator<Field[]> {
    for (const { outcome, configuration, condition, rows: all } of measured) {
      const own = planned[outcome];
      if (own === undefined) continue;
      const ids = new Map(own.questions.map(({ key, id }) => [key, id]));
      for (const row of all ?? [])
        for (const { id, answer, value, mass } of questionProbabilities(row, own)) {
          const likeliest = row.first[0]?.[0] ?? null;
          yield [outcome, configuration, condition, ids.get(id) ?? id, answer, value, mass, likeliest];
        }
    }
  };
  return [
    { path: 'answer-probability.csv', content: toCsv(HEADER, rows) },
    { path: 'answer-probability-questions.csv', content: csvChunks(QUESTION_HEADER, questions) },
  ];
}
