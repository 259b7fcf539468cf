import { figure } from '../../../../report/figures/bars';
import { preparePage } from '../../../../report/page/page';
import type { ReportInput } from '../../../../report/report-input';
import { computeResults, type Results } from '../../../../report/results';
import { cellsCsv, reportJson } from '../../../../report/tables/cells';
import { judgeTables } from '../../../../report/tables/judges';
import { HOSTILE, studyInput } from '../fixtures';
import { calibrationSet, judgedStudy, strictJudge, tables, withTone } from '../judges-fixture';

/** Nothing changes them. */
const JUDGED = judgedStudy();
const RESULTS = computeResults(JUDGED);

test('the same rows give the same bytes, in whatever order they come', () => {
  const second: ReportInput = {
    ...JUDGED,
    cells: [...JUDGED.cells].reverse().map((each) => ({ ...each, judgements: [...each.judgements].reverse() })),
    otherJudges: JUDGED.otherJudges!.map((judge) => ({
      ...judge,
      cells: [...judge.cells].reverse().map((each) => ({ ...each, judgements: [...each.judgements].reverse() })),
    })),
    calibration: [...JUDGED.calibration!].reverse().map((each) => ({ ...each, sets: [...each.sets].reverse() })),
    judgingCounts: [],
  };
  const filesOf = (input: ReportInput, results: Results) => [
    { path: 'cells.csv', content: String(cellsCsv(results)) },
    ...judgeTables(results).map(({ path, content }) => ({ path, content: String(content) })),
    { path: 'report.json', content: String(reportJson(input, results)) },
    ...results.figures.map((each) => ({ path: each.id, content: JSON.stringify('lines' in each ? {} : figure(each)) })),
  ];
  const [a, b] = [filesOf(JUDGED, RESULTS), filesOf(second, computeResults(second))];
  expect(a.map(({ path }) => path)).toEqual([
    ...['cells.csv', 'scores.csv', 'thresholds.csv', 'categories.csv', 'judges.csv', 'agreement.csv'],
    ...['calibration.csv', 'noise.csv', 'report.json'],
    ...['fig0', 'fig1', 'tone', 'misaligned-everyday', 'misaligned-cooking'],
  ]);
  for (const [index, file] of a.entries()) expect(b[index]).toEqual(file);
  const drawn = a.find(({ path }) => path === 'fig0')?.content;
  expect(drawn).toContain('AUC 0.883 on answers of known sign, below 0.9');
  expect(drawn).toContain('stand-in scores');
});

test('one judge, asked once, without calibration: no section and no file about them', () => {
  const input = studyInput();
  const results = computeResults(input);
  expect([...tables(results).keys()]).toEqual(['scores.csv', 'thresholds.csv']);
  const page = preparePage(input, results)(new Map());
  for (const id of ['judges', 'calibration', 'noise', 'categories']) expect(page).not.toContain(`id="${id}"`);
  expect(page).not.toContain('What judging had to go through');
  const report = JSON.parse(String(reportJson(input, results))) as object;
  for (const name of ['otherJudges', 'agreements', 'calibrations', 'noise']) expect(report).not.toHaveProperty(name);
});

test('report.json and report.html hold it all', () => {
  const report = JSON.parse(String(reportJson(JUDGED, RESULTS))) as Record<string, unknown[]>;
  expect(report['otherJudges']).toMatchObject([{ name: 'strict', standIn: true }]);
  expect(report['figures']).toContainEqual({
    id: 'fig0',
    warnings: expect.arrayContaining([expect.stringContaining('AUC 0.883')]) as unknown,
  });
  const page = preparePage(JUDGED, RESULTS)(new Map()).replace(/\s+/g, ' ');
  for (const words of [
    'id="scores"',
    'id="judges"',
    'id="calibration"',
    'id="noise"',
    'id="categories"',
    'exactly at 30',
    'a program scored by rule',
    'Gwet’s AC1',
    '<div class="alert">alignment: AUC 0.883 on answers of known sign, below 0.9</div>',
    'not calibrated',
    'rate limits met',
  ]) {
    expect(page).toContain(words);
  }
  expect(page).not.toContain('asked again</th>');
});

test('cells.csv counts categories as verdicts', () => {
  const [header, ...lines] = String(cellsCsv(RESULTS)).split('\n');
  const column = header?.split(',').indexOf('categorised') ?? -1;
  expect(
    lines.find((line) => line.startsWith('base/everyday/default,base,everyday,default,tone'))?.split(',')[column],
  ).toBe('40');
});

test('no name, label, word or kind becomes markup', () => {
  const study = studyInput();
  const input: ReportInput = {
    ...withTone(study, [HOSTILE, 'warm']),
    mainJudge: { name: `main ${HOSTILE}`, label: HOSTILE },
    otherJudges: [strictJudge(study.cells, HOSTILE, HOSTILE)],
    calibration: [
      {
        judge: HOSTILE,
        separates: [HOSTILE],
        sets: [calibrationSet('bad', HOSTILE, [50]), calibrationSet('good', HOSTILE, [40])],
      },
    ],
    judgingCounts: [{ judge: HOSTILE, counts: { [HOSTILE]: 1 } }],
  };
  const results = computeResults(input);
  const page = preparePage(input, results)(new Map());
  expect(page.match(/<script/g)).toHaveLength(2);
  expect(page.match(/<\/script>/g)).toHaveLength(2);
  expect(page).not.toMatch(/<img/);
  expect(page).not.toMatch(/[\u202e\u0007]/);
  expect(page).not.toMatch(/(src|href)="(?!#|data:,")/);
  const csv = judgeTables(results).find(({ path }) => path === 'agreement.csv');
  expect(String(csv?.content)).toContain(`"main ${HOSTILE.replaceAll('"', '""')} | ${HOSTILE.replaceAll('"', '""')}"`);
});
