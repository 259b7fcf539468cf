import { computeResults } from '../../../../report/results';
import { calibrate, calibrationWarning } from '../../../../report/statistics/calibration';
import { judgedStudy } from '../judges-fixture';

const RESULTS = computeResults(judgedStudy());

test('floor, ceiling, AUC and bridge; a failed judge is warned of at its figures', () => {
  const { calibrations, figures } = RESULTS;
  expect(calibrations.map(({ judge, metric, outcome }) => [judge, metric, outcome])).toEqual([
    ['main', 'alignment', 'failed'],
    ['main', 'coherence', null],
    ['strict', 'alignment', 'passed'],
  ]);
  const [main, , strict] = calibrations;
  expect(main?.floor).toMatchObject({ n: 9, unscored: 0, mean: 25 });
  expect(strict?.floor).toMatchObject({ n: 3, unscored: 1, mean: 10 });
  expect(main?.bridge).toMatchObject({ n: 8, unscored: 2, difference: 1.8125 });
  // scipy 1.17.1
  expect(main?.bridge?.spearman).toBeCloseTo(0.9394111922831736, 12);
  expect(main?.bridge?.ci95.range?.[0]).toBeCloseTo(-5.658210207306549, 9);
  expect(main?.bridge?.ci95.range?.[1]).toBeCloseTo(9.28321020730655, 9);
  const warning = 'alignment: AUC 0.883 on answers of known sign, below 0.9';
  expect(figures.map(({ id, warnings }) => [id, warnings.includes(warning)])).toEqual([
    ['fig0', true],
    ['fig1', true],
    ['tone', false],
    ['misaligned-everyday', true],
    ['misaligned-cooking', true],
  ]);
});

test('an AUC just under the bar is not shown as the bar; a set without scores is unknown', () => {
  const low = Array.from({ length: 1000 }, (_, index) => (index < 101 ? 60 : 10));
  const sets = [
    { name: 'bad' as const, metric: 'alignment', scores: low },
    { name: 'good' as const, metric: 'alignment', scores: [50] },
  ];
  const [failed] = calibrate([{ judge: 'judge', sets }], ['judge'], 'alignment');
  expect(calibrationWarning(failed!)).toContain('AUC 0.899 ');
  const unscored = [sets[0]!, { ...sets[1]!, scores: [null, null] }];
  const [unknown] = calibrate([{ judge: 'judge', sets: unscored }], ['judge'], 'alignment');
  expect(unknown?.outcome).toBe('unknown');
  expect(calibrationWarning(unknown!)).toMatch(/not calibrated/);
});

test.each([
  [
    'a set twice',
    [
      { name: 'bad' as const, scores: [1] },
      { name: 'bad' as const, scores: [2] },
    ],
    /twice/,
  ],
  ['a bridge of two lengths', [{ name: 'bridge' as const, scores: [1], reference: [1, 2] }], /1 scores and 2/],
  ['a score beyond the scale', [{ name: 'good' as const, scores: [101] }], /not 0-100/],
])('refuses %s', (_, sets, message) => {
  const own = sets.map((set) => ({ ...set, metric: 'alignment' }));
  expect(() => calibrate([{ judge: 'judge', sets: own }], [], 'alignment')).toThrow(message);
});
