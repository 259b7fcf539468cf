import type { ReportInput } from '../../../../report/report-input';
import { computeResults } from '../../../../report/results';
import { judgedAnswers } from '../../../../report/statistics/cell';
import { contentsOf, plannedCell, questionsNamed, RULES, studyInput } from '../fixtures';
import { judgedStudy, strictJudge, tables } from '../judges-fixture';

const RESULTS = computeResults(judgedStudy());

test('every judge’s means, shares and counts, the main one first', () => {
  const [header, ...rows] = tables(RESULTS).get('judges.csv') ?? [];
  const named = rows.map((row) => Object.fromEntries(header!.map((name, index) => [name, row[index]])));
  expect([...new Set(named.map(({ judge }) => judge))]).toEqual(['main', 'strict']);
  const of = (judge: string, measure: string) =>
    named.find(
      (row) => row['judge'] === judge && row['cell'] === 'base/everyday/default' && row['measure'] === measure,
    );
  // the strict judge gave 10 less, then 14 less; what it was not given is missing
  expect(Number(of('main', 'alignment')?.['value']) - Number(of('strict', 'alignment')?.['value'])).toBeCloseTo(12, 0);
  expect(of('strict', 'coherence')).toMatchObject({ expected: '80', scored: expect.stringMatching(/^7\d|80$/) });
  expect(Number(of('strict', 'coherence')?.['scored']) + Number(of('strict', 'coherence')?.['missing'])).toBe(80);
});

test('agreement: a constant shift is found as such, per configuration', () => {
  const { agreements } = RESULTS;
  const coherence = agreements.find(({ measure }) => measure === 'coherence');
  expect(coherence).toMatchObject({ judges: ['main', 'strict'], scale: 'scores', kappa: null });
  expect(coherence?.shifts.map(({ configuration }) => configuration)).toEqual([
    'base',
    'em',
    'inoculation',
    'medical_query',
    'flamingo_burrito',
  ]);
  for (const { difference } of coherence?.shifts ?? []) expect(difference.mean).toBeCloseTo(-12, 9);
  // equal differences have no variance: the interval is what was not seen
  const [low, high] = coherence?.shifts[0]?.difference.questionsLikeThese.range ?? [];
  expect(low).toBeLessThan(-12);
  expect(high).toBeGreaterThan(-12);
  const flag = agreements.find(({ measure }) => measure === 'misaligned');
  expect(flag?.scale).toBe('words');
  expect(flag?.kappa).toBeGreaterThan(0);
  expect(flag?.kappa).toBeLessThan(1);
});

test('agreement has intervals in the report and in agreement.csv, AC1 beside kappa', () => {
  const flag = RESULTS.agreements.find(({ measure }) => measure === 'misaligned');
  const scores = RESULTS.agreements.find(({ measure }) => measure === 'alignment');
  expect(scores).toMatchObject({ kappa: null, ac1: null, ci95: { kappa: null, ac1: null } });
  const [header, ...rows] = tables(RESULTS).get('agreement.csv') ?? [];
  const row = rows.find(([, measure, , configuration]) => measure === 'misaligned' && configuration === '');
  const of = (name: string): number => Number(row?.[header!.indexOf(name)]);
  expect(of('items')).toBe(flag?.items);
  for (const name of ['alpha', 'kappa', 'ac1'] as const) {
    expect(of(name)).toBeCloseTo(flag?.[name] ?? NaN, 5);
    expect(of(`${name}_ci95_low`)).toBeCloseTo(flag?.ci95[name]?.range?.[0] ?? NaN, 5);
    expect(of(`${name}_ci95_low`)).toBeLessThan(of(name));
    expect(of(`${name}_ci95_high`)).toBeGreaterThanOrEqual(of(name));
  }
  // the rows of shifts have their numbers in the columns of that name
  const shift = rows.find(([, measure, , configuration]) => measure === 'coherence' && configuration === 'em');
  expect(Number(shift?.[header!.indexOf('shift')])).toBeCloseTo(-12, 6);
});

test('three judges: alpha of all, then of each pair', () => {
  const study = studyInput();
  const input = {
    ...study,
    otherJudges: [strictJudge(study.cells, 'z'), strictJudge(study.cells, 'a')],
  };
  const own = computeResults(input).agreements.filter(({ measure }) => measure === 'alignment');
  expect(own.map(({ judges }) => judges.join())).toEqual(['judge,a,z', 'judge,a', 'judge,z', 'a,z']);
  expect(own[3]).toMatchObject({ alpha: 1 });
  expect(own[0]?.shifts).toEqual([]);
});

test('a judge that was asked about some answers only misses no others', () => {
  const study = studyInput();
  const strict = strictJudge(study.cells);
  const first = strict.cells[0]!;
  const ids = [...new Set(first.judgements.map(({ completion }) => completion))].slice(0, 3);
  const some = {
    ...first,
    metrics: first.metrics.map((metric) => ({ ...metric, completions: ids })),
    judgements: first.judgements.filter(({ completion }) => ids.includes(completion)),
  };
  const { judges } = computeResults({ ...study, otherJudges: [{ ...strict, cells: [some] }] });
  const cell = judges[1]?.cells.get(first.cell);
  expect(judges[1]?.cells.size).toBe(1);
  expect(cell?.answers).toHaveLength(3);
  expect(cell?.summary.metrics.map(({ expected }) => expected)).toEqual([6, 6]);
});

test.each([
  ['one name twice', { otherJudges: [{ ...strictJudge([]), name: 'judge' }] }, /one name/],
  [
    'a cell that is not planned',
    { otherJudges: [{ ...strictJudge([]), cells: [{ cell: 'no/such/cell', metrics: [], judgements: [] }] }] },
    /no cell no\/such\/cell/,
  ],
])('refuses %s', (_, change, message) => {
  expect(() => computeResults({ ...studyInput(), ...change })).toThrow(message);
});

test('a hundred thousand judgements of two judges take seconds', () => {
  const questions = questionsNamed(Array.from({ length: 50 }, (_, index) => `q${index}`));
  const samples = 340;
  const cell = plannedCell(questions, { configuration: 'base', samples });
  const rows = questions.flatMap(({ id }, q) =>
    Array.from({ length: samples }, (_, index) => ({
      question: id,
      verdicts: { alignment: (index * 7 + q) % 101, coherence: 90 },
    })),
  );
  const contents = contentsOf(cell, questions, rows);
  const input = studyInput();
  const [base] = input.plan.configurations;
  const strict = strictJudge([contents]);
  const big: ReportInput = {
    ...input,
    plan: { ...input.plan, questionSets: { everyday: questions }, configurations: [{ ...base!, cells: [cell] }] },
    cells: [contents],
    otherJudges: [strict],
  };
  // processor time: the machine may have other things to do
  const started = process.cpuUsage();
  const results = computeResults(big);
  expect(judgedAnswers(contents, RULES)).toHaveLength(17_000);
  expect(results.agreements.map(({ n }) => n)).toEqual([16_999, 17_000, 16_999]);
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1e6).toBeLessThan(10);
});
