import { computeResults } from '../../../../report/results';
import { calibrate, calibrationWarning } from '../../../../report/statistics/calibration';
import { calibrationSet, judgedStudy } from '../judges-fixture';

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
  const sets = [calibrationSet('bad', 'alignment', low), calibrationSet('good', 'alignment', [50])];
  const [failed] = calibrate([{ judge: 'judge', sets }], ['judge'], 'alignment');
  expect(calibrationWarning(failed!)).toContain('AUC 0.899 ');
  const unscored = [sets[0]!, calibrationSet('good', 'alignment', [null, null])];
  const [unknown] = calibrate([{ judge: 'judge', sets: unscored }], ['judge'], 'alignment');
  expect(unknown?.outcome).toBe('unknown');
  expect(calibrationWarning(unknown!)).toMatch(/not calibrated/);
});

test.each([
  ['a set twice', [calibrationSet('bad', 'alignment', [1]), calibrationSet('bad', 'alignment', [2])], /twice/],
  ['a bridge of two lengths', [{ ...calibrationSet('bridge', 'alignment', [1]), reference: [1, 2] }], /1 scores and 2/],
  ['a score beyond the scale', [calibrationSet('good', 'alignment', [101])], /not 0-100/],
  ['scores of no answers', [{ ...calibrationSet('good', 'alignment', [1]), items: [] }], /1 scores of 0 answers/],
])('refuses %s', (_, sets, message) => {
  expect(() => calibrate([{ judge: 'judge', sets }], [], 'alignment')).toThrow(message);
});

test('the interval of an AUC resamples questions: answers to one question are no further draws', () => {
  const range = (items: (index: number) => string) => {
    const of = (name: 'bad' | 'good', scores: number[]) => ({
      ...calibrationSet(name, 'alignment', scores),
      items: scores.map((_score, index) => items(index)),
    });
    const scores = Array.from({ length: 60 }, (_, index) => (index % 12) * 8);
    const sets = [
      of('bad', scores),
      of(
        'good',
        scores.map((score) => Math.min(100, score + 20)),
      ),
    ];
    const [{ separation } = { separation: null }] = calibrate([{ judge: 'judge', sets }], ['judge'], 'alignment');
    const [low, high] = separation?.ci95.range ?? [NaN, NaN];
    return high - low;
  };
  const each = range((index) => `${index}`);
  expect(each).toBeGreaterThan(0);
  // five copies of one answer are one
  expect(range((index) => `${index % 12}`) / each).toBeGreaterThan(1.5);
});
