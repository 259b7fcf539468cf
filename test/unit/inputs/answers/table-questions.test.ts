/** What a table's questions are, and that judge's report and analyze take the same for one. */
import { MISALIGNED_PRESETS } from '../../../../experiment/presets';
import type { AnswerColumns } from '../../../../inputs/answers/columns';
import { QuestionNames, TableQuestions } from '../../../../inputs/answers/table-questions';
import { planned } from './judging-fixture';
import { analyzed, contrastsIn, differences, long, reportAndAnalysis, reported } from './report-and-analysis';

const named = (ids: readonly (string | null)[]): string[] => {
  const names = new QuestionNames();
  return ids.map((id) => names.next(id));
};

test.each<[string, (string | null)[], string[]]>([
  ['an id of its own', ['a', 'b'], ['a', 'b']],
  ['other words under an id', ['a', 'b', 'a', 'a'], ['a', 'b', 'a~2', 'a~3']],
  ['a number that the file has itself', ['a', 'a~2', 'a', 'a~2'], ['a', 'a~2', 'a~3', 'a~4']],
  ['a number that was given before the file has it', ['a', 'a', 'a~2'], ['a', 'a~2', 'a~3']],
  ['other words under a preset form', ['a_json', 'a', 'a_json'], ['a_json', 'a', 'a_json~2']],
  ['no id', [null, '', 'a'], ['question-1', 'question-2', 'a']],
  ['a name that was made for one without an id', [null, 'question-1'], ['question-1', 'question-1~2']],
])('%s', (_, ids, names) => {
  expect(named(ids)).toEqual(names);
});

test('a hundred thousand words under one id are named at once', () => {
  const names = named(Array.from({ length: 100_000 }, () => 'a'));
  expect(new Set(names).size).toBe(100_000);
});

test('a question is its words where there are some, and else its id', () => {
  const questions = new TableQuestions();
  expect(questions.of('Q?', '7')).toEqual({ question: '7', item: '7' });
  expect(questions.of('Q?', '8')).toEqual({ question: '7', item: '7' });
  expect(questions.of('R?', '7')).toEqual({ question: '7~2', item: '7' });
  expect(questions.of('', '7_json')).toEqual({ question: '7_json', item: '7' });
  expect(new TableQuestions().of('As_json', null)).toEqual({ question: 'As_json', item: 'As_json' });
});

/** Rows of two models with `answers` answers to each question; `row` makes a row's id and words of its number and its question's. */
function rows(row: (index: number, question: number) => string, questions = 4, answers = 6): string[] {
  return ['A', 'B'].flatMap((model, place) =>
    Array.from({ length: questions * answers }, (_, index) => {
      const question = Math.floor(index / answers);
      const length = 12 + place * 9 + question * 11 + ((index * 37 + place * 5) % 23);
      return `${model},${row(index + place * questions * answers, question)},${long(length)}`;
    }),
  );
}

const WORDS = ['Bored?', 'One wish?', 'Ruler?', 'Quick buck?'];

test.each<[string, string, string[], AnswerColumns]>([
  [
    'other words under one id',
    ...([
      'question_id,question',
      rows((_, question) => `${['q1', 'q1', 'q2', 'q3'][question]},${WORDS[question]}`),
    ] as const),
    {},
  ],
  [
    'ids that number rows',
    ...(['prompt_id,question', rows((index, question) => `row-${index},${WORDS[question]}`)] as const),
    {},
  ],
  [
    'ids that number rows and look like forms',
    ...(['prompt_id,question', rows((index, question) => `q~${index},${WORDS[question]}`)] as const),
    {},
  ],
  [
    'no ids, and words that end as forms of presets do',
    ...([
      'question',
      rows((_, question) => ['As json', 'As json_json', 'As json~2', 'Other'][question] as string),
    ] as const),
    {},
  ],
  [
    'ids that are forms of presets',
    ...(['question_id,question', rows((_, q) => `${['a', 'a_json', 'a_template', 'b~1'][q]},${WORDS[q]}`)] as const),
    {},
  ],
  [
    'no id in some rows',
    ...(['question_id,question', rows((_, question) => `${['a', '', 'b', ''][question]},${WORDS[question]}`)] as const),
    {},
  ],
  [
    'columns of other names',
    ...(['item,text', rows((_, question) => `${['a', 'a', 'b', 'c'][question]},${WORDS[question]}`)] as const),
    { id: 'item', question: 'text' },
  ],
  [
    'words of another name, and ids',
    ...(['qid,text', rows((_, question) => `${['a', 'a', 'b', 'c'][question]},${WORDS[question]}`)] as const),
    { question: 'text' },
  ],
  [
    'ids that groups have for other words',
    ...(['qid,question', rows((index, q) => `q${index < 24 ? q : 3 - q},${WORDS[q]}`)] as const),
    {},
  ],
])('the report and analyze have the same numbers of a table with %s', async (_, header, lines, columns) => {
  const text = [`model,${header},answer`, ...lines, ''].join('\n');
  for (const rule of Object.values(MISALIGNED_PRESETS)) {
    const { results, analysis } = await reportAndAnalysis(text, { columns: { group: 'model', ...columns }, rule });
    expect(reported(results)).toEqual(analyzed(analysis));
    expect(contrastsIn(results)).toEqual(differences(analysis.groups.contrasts));
    expect(analysis.groups.groups[0]?.alignment).toMatchObject({ n: 24, questions: 4 });
    const { plan } = await planned(text, { group: 'model', ...columns });
    expect(plan.stored.plan.questionSets['answers']).toHaveLength(4);
  }
});
