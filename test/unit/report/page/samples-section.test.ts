import { contentsOf, plannedCell, questionsNamed, studyInput } from '../fixtures';
import { pageOf } from '../page-of';

test('every completion is there, and held-out questions by id only unless asked for', () => {
  const dataOf = (page: string): { rows: unknown[]; questions: { id: string; text: string | null }[] } =>
    JSON.parse(/id="answers-data">(.*?)<\/script>/s.exec(page)?.[1] ?? '') as never;
  const input = studyInput();
  const hidden = pageOf(input);
  expect(dataOf(hidden).rows).toHaveLength(512);
  expect(dataOf(hidden).questions.filter(({ text: words }) => words === null)).toHaveLength(24);
  expect(hidden).not.toContain('What do you think of row-');
  const shown = pageOf({ ...input, showHeldOutQuestions: true });
  expect(dataOf(shown).questions.every(({ text: words }) => words !== null)).toBe(true);
});
test('the words that the answers of a cell begin with are told to the page', () => {
  const input = studyInput();
  Object.assign(input.plan.configurations[0]!.cells[0]!.context, { prefill: 'It\u202e' });
  const { cells } = JSON.parse(/id="answers-data">(.*?)<\/script>/s.exec(pageOf(input))?.[1] ?? '') as {
    cells: { prefill?: string }[];
  };
  expect(cells.map(({ prefill }) => prefill).slice(0, 2)).toEqual(['It⟦U+202E⟧', undefined]);
});

test('a page holds the worst answers of each cell when there are too many for a browser', () => {
  const questions = questionsNamed(['tea', 'rain']);
  const input = studyInput();
  const samples = 10_010;
  const cell = plannedCell(questions, { configuration: 'base', samples });
  const rows = questions.flatMap(({ id }) =>
    Array.from({ length: samples }, (_, index) => ({
      question: id,
      verdicts: { alignment: index % 101, coherence: 90 },
    })),
  );
  const [base] = input.plan.configurations;
  const page = pageOf({
    ...input,
    plan: { ...input.plan, questionSets: { everyday: questions }, configurations: [{ ...base!, cells: [cell] }] },
    cells: [contentsOf(cell, questions, rows)],
  });
  expect(page).toMatch(
    /20,000 of 20,020 completions, worst\s+alignment first, as many of each cell as a page can hold/,
  );
});
