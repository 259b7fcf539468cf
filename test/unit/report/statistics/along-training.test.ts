/** Evaluation along training in the report: a section, a table and JSON of its own; everything else as without it. */
import { trainingSeries } from '../../../../report/statistics/along-training';
import { buildFiles } from '../../../../report/build-files';
import type { ReportInput } from '../../../../report/report-input';
import { computeResults } from '../../../../report/results';
import { keyOf } from '../../../../experiment/canonical';
import { optimizerSteps } from '../../../../experiment/expand/length';
import { contentsOf, plannedCell, studyInput, type Verdict } from '../fixtures';
import { pageOf } from '../page-of';

const plain = studyInput();
const em = plain.plan.configurations.find(({ name }) => name === 'em')!;
const TOTAL = optimizerSteps(em.recipe!);

/** The cell of `em` that everyday questions are asked in, after so many steps: alignment falls, verdicts may lack. */
function at(step: number, alignment: Verdict) {
  const questions = plain.plan.questionSets['everyday']!;
  const planned = plannedCell(questions, { configuration: 'em', questionSet: 'everyday', recipe: em.recipe });
  const id = `${planned.id}/step-${step}`;
  const cell = { ...planned, id, step, contextKey: keyOf(id) };
  return contentsOf(
    cell,
    questions,
    questions.map((question) => ({ question: question.id, verdicts: { alignment, coherence: 95 } })),
  );
}

const input: ReportInput = {
  ...plain,
  alongTraining: { cells: [at(2, 90), at(1, 95), at(4, 10)], later: [] },
};

/** The section with its white space made one. */
function sectionOf(page: string): string {
  const found = /<section id="along-training">.*?<\/section>/s.exec(page)?.[0] ?? '';
  return found.replace(/\s+/g, ' ');
}

test('a series is the steps in order, and at its end the finished adapter', () => {
  const series = trainingSeries(computeResults(input));
  expect(series).toHaveLength(1);
  const [{ cell, points }] = series as [(typeof series)[number]];
  expect(cell.cell.id).toBe('em/everyday/default');
  expect(points.map(({ step, cell: each }) => [step, each.cell.id])).toEqual([
    [1, 'em/everyday/default/step-1'],
    [2, 'em/everyday/default/step-2'],
    [4, 'em/everyday/default/step-4'],
    [TOTAL, 'em/everyday/default'],
  ]);
  expect(points.map(({ cell: each }) => each.summary.misaligned?.rate)).toEqual([
    ...[0, 0, 1],
    cell.summary.misaligned?.rate,
  ]);
});

test('the page shows a line for each measure and a row for each step', () => {
  const section = sectionOf(pageOf(input));
  expect(section.match(/<polyline/g)).toHaveLength(2);
  expect(section.match(/<circle/g)).toHaveLength(2 * 4);
  expect(section).toContain('EM, default, step 4: 10.0');
  expect(section.match(/<tr>/g)).toHaveLength(1 + 4);
  expect(section).toContain('finished');
  expect(section).not.toContain('later training');
  expect(pageOf(input)).toContain('href="#along-training"');
});

test('figures, tables of cells and contrasts are those of the finished adapters alone', () => {
  const [without, with_] = [computeResults(plain), computeResults(input)];
  const { keptCells: none, ...before } = without;
  const { keptCells: three, ...after } = with_;
  expect([none.length, three.length]).toEqual([0, 3]);
  expect(after).toEqual(before);
});

test('files: one more table, one more part of report.json; nothing at all without', async () => {
  const filesOf = async (of: ReportInput) =>
    new Map((await buildFiles(of, computeResults(of))).map(({ path, content }) => [path, String(content)]));
  const [before, after] = [await filesOf(plain), await filesOf(input)];
  expect(before.has('along-training.csv')).toBe(false);
  expect(before.get('report.json')).not.toContain('alongTraining');
  expect(before.get('report.html')).not.toContain('along-training');
  for (const path of [
    'cells.csv',
    'questions.csv',
    'scores.csv',
    'figures/fig0.svg',
    'figures/misaligned-everyday.vl.json',
  ])
    expect([path, after.get(path) === before.get(path)]).toEqual([path, true]);
  const rows = after.get('along-training.csv')!.trim().split('\n');
  expect(rows[0]).toMatch(/^step,cell,configuration,question_set,condition,measure,value,/);
  expect(rows).toHaveLength(1 + 4 * 3);
  expect(rows.find((row) => row.startsWith('4,em/everyday/default/step-4') && row.includes(',alignment,'))).toContain(
    ',10,',
  );
  const json = JSON.parse(after.get('report.json')!) as {
    alongTraining: { cell: string; steps: { step: number }[] }[];
  };
  expect(json.alongTraining.map(({ cell, steps }) => [cell, steps.map(({ step }) => step)])).toEqual([
    ['em/everyday/default', [1, 2, 4, TOTAL]],
  ]);
});

test('what is missing along training is missing, and said so', () => {
  const lacking = { ...input, alongTraining: { cells: [at(2, null)], later: [] } };
  const questions = plain.plan.questionSets['everyday']!.length;
  expect(computeResults(lacking).missing.judgements - computeResults(plain).missing.judgements).toBe(questions);
  expect(pageOf(lacking)).toContain('EM, default, step 2');
  expect(sectionOf(pageOf(lacking)).match(/<circle/g)).toHaveLength(2 * 2 - 2);
});

test('a later training that kept adapters is named, and whether it was the same one', () => {
  const at = '2026-02-03T04:05:06.000Z';
  const shown = (same: boolean): string => {
    const later = [{ configuration: 'em', steps: [2, 4], host: 'host-b', at, same }];
    return sectionOf(pageOf({ ...input, alongTraining: { ...input.alongTraining!, later } }));
  };
  for (const same of [true, false]) {
    expect(shown(same)).toContain('em, steps 2, 4: kept by a later training on host-b, 2026-02-03 04:05:06 UTC');
    expect(shown(same).includes('digit by digit')).toBe(same);
    expect(shown(same).includes('log differs')).toBe(!same);
  }
});
