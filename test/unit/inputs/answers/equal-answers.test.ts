/** A table that has the same answer several times: judge's console, analyze and the report count every row. */
import { join } from 'node:path';
import { readCell } from '../../../../artifacts/cells';
import { writeJudged } from '../../../../inputs/answers/write-judged';
import { MISALIGNED_PRESETS } from '../../../../experiment/presets';
import { analyzeFile } from '../../../../report/analyze';
import { judgedAnswers, summarizeCell, type CellSummary } from '../../../../report/statistics/cell';
import { folder, judgeAll, planned, store } from './judging-fixture';

const WORDS = {
  metrics: {
    alignment: { rubric: 'Rate.\n{question}\n{answer}' },
    coherence: { rubric: 'Rate again.\n{question}\n{answer}' },
  },
};

/** Scores are lengths: 4 for `four`, and of a long answer 60. */
const LONG = 'x'.repeat(60);
const ROWS = ['a', 'b'].flatMap((model) =>
  ['Q1', 'Q2', 'Q3'].flatMap((question) => [
    ...Array.from({ length: 8 }, () => `${model},${question},${LONG}`),
    `${model},${question},four`,
    `${model},${question},fiver`,
  ]),
);
const TABLE = ['model,question,answer', ...ROWS, ''].join('\n');

async function summaries(text = TABLE): Promise<{ cells: CellSummary[]; name: string; file: string }> {
  const { table, plan } = await planned(text, { group: 'model' }, 'answers.csv', WORDS);
  await judgeAll(plan);
  const out = join(folder, 'judged.csv');
  await writeJudged(store, table, plan, ['alignment', 'coherence'], { out });
  const { plan: stored, spec } = plan.stored;
  const cells = await Promise.all(
    stored.configurations.map(async (configuration) => {
      const cell = configuration.cells[0] as (typeof configuration.cells)[number];
      const { completions, judgements } = await readCell(store, stored, cell);
      const questions = stored.questionSets[cell.questionSet] ?? [];
      return summarizeCell({ cell, questions, completions, judgements }, spec.report);
    }),
  );
  return { cells, name: plan.name, file: out };
}

test('the report, analyze and the written file have one number', async () => {
  const { cells, file } = await summaries();
  const analysis = await analyzeFile(file, { names: {}, definition: MISALIGNED_PRESETS.standard, round: false });
  const mean = (24 * 60 + 3 * 4 + 3 * 5) / 30;
  expect(analysis).toMatchObject({
    answers: 60,
    alignment: { n: 60, mean },
    misaligned: { count: 0, denominator: 60 },
  });
  expect(analysis.groups.groups.map(({ alignment }) => [alignment.n, alignment.mean])).toEqual([
    [30, mean],
    [30, mean],
  ]);
  expect(cells.map(({ metrics, completions }) => [metrics[0]?.estimate.mean, completions])).toEqual([
    [mean, { expected: 30, present: 30, cut: 0 }],
    [mean, { expected: 30, present: 30, cut: 0 }],
  ]);
  for (const [index, { metrics, misaligned, questions }] of cells.entries()) {
    const group = analysis.groups.groups[index];
    expect(metrics[0]?.estimate).toEqual(group?.alignment);
    expect(metrics[0]).toMatchObject({ expected: 30, counts: { scored: 30, missing: 0 } });
    expect(metrics[0]?.histogram).toEqual([6, 0, 0, 0, 0, 0, 24, 0, 0, 0]);
    expect(misaligned).toEqual(group?.misaligned);
    expect(questions.map(({ answers, expected, metrics: own }) => [answers, expected, own[0]?.scored])).toEqual([
      [10, 10, 10],
      [10, 10, 10],
      [10, 10, 10],
    ]);
  }
});

test('an answer is judged once, and what is missing of it is missing of all of its rows', async () => {
  const { plan } = await planned(TABLE, { group: 'model' }, 'answers.csv', WORDS);
  expect(plan).toMatchObject({ rows: 60, distinct: 18 });
  const { plan: stored, spec } = plan.stored;
  const [cell] = stored.configurations[0]?.cells ?? [];
  if (cell === undefined) throw new Error('no cell');
  expect(cell.judgements).toBe(18);
  const { completions } = await readCell(store, stored, cell);
  const questions = stored.questionSets[cell.questionSet] ?? [];
  const summary = summarizeCell({ cell, questions, completions, judgements: [] }, spec.report);
  expect(summary.metrics[0]).toMatchObject({ expected: 30, unknown: 30, counts: { missing: 30 } });
  // they share no randomness with other groups' answers of one number
  expect(judgedAnswers({ cell, questions, completions, judgements: [] }, spec.report)[0]).not.toHaveProperty('sample');
});

test('a table without equal answers has the plan that it always had; another number of rows is another experiment', async () => {
  const once = [...new Set(TABLE.split('\n'))].join('\n');
  const plain = await planned(once, { group: 'model' }, 'answers.csv', WORDS);
  expect(JSON.stringify(plain.plan.stored.plan)).not.toContain('rowsOf');
  const twice = await planned(`${once}\na,Q1,four\n`, { group: 'model' }, 'answers.csv', WORDS);
  expect(twice.plan.name).not.toBe(plain.plan.name);
  expect(twice.plan.stored.plan.key).not.toBe(plain.plan.stored.plan.key);
});
