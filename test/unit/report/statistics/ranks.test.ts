import { midranks, separation, spearman } from '../../../../report/statistics/ranks';

const LOW = [0, 15, 15, 20, 30, 85, 15, 5, 40];
const HIGH = [85, 95, 90, 15, 30, 95, 85, 85, 100, 70];

test('ties share the middle of their ranks', () => {
  expect(midranks([15, 0, 15, 100, 15])).toEqual([3, 1, 3, 5, 3]);
});

test('AUC with ties (frozen from scikit-learn 1.9.1; interval: Newcombe’s equation solved by SciPy’s brentq)', () => {
  const { auc, ci95, low, high } = separation(LOW, HIGH);
  expect([low, high]).toEqual([9, 10]);
  expect(auc).toBeCloseTo(0.8833333333333333, 12);
  expect(ci95.range?.[0]).toBeCloseTo(0.6269417339364378, 9);
  expect(ci95.range?.[1]).toBeCloseTo(0.9680758289919457, 9);
});

test('at the ends of the scale the interval still has a width (frozen as above)', () => {
  const apart = separation([0, 1, 2, 3, 4, 5, 6, 7, 8], [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  expect(apart.auc).toBe(1);
  expect(apart.ci95.range?.[0]).toBeCloseTo(0.7900364195439242, 9);
  expect(apart.ci95.range?.[1]).toBe(1);
  const reversed = separation([5, 6, 7], [1, 2, 3, 4]);
  expect(reversed.auc).toBe(0);
  expect(reversed.ci95.range?.[0]).toBe(0);
  expect(reversed.ci95.range?.[1]).toBeCloseTo(0.46030833280327277, 9);
  const same = separation([5, 5, 5, 5], [5, 5, 5, 5]);
  expect(same.auc).toBe(0.5);
  expect(same.ci95.range?.[0]).toBeCloseTo(0.1825599251014631, 9);
});

test('no AUC without both groups', () => {
  expect(separation([], [1])).toMatchObject({ auc: null, ci95: { range: null } });
});

test('Spearman with ties (frozen from SciPy 1.17.1)', () => {
  const [x, w] = [
    [10, 20, 20, 35, 50, 85, 85, 90],
    [12.5, 18, 30, 30, 45, 70, 95, 80],
  ];
  expect(spearman(x.map((value, index) => [value, w[index] as number]))).toBeCloseTo(0.9394111922831736, 12);
  expect(
    spearman([
      [1, 2],
      [1, 3],
    ]),
  ).toBeNull();
  expect(spearman([])).toBeNull();
});

test('a hundred thousand scores take no more than a moment', () => {
  const started = performance.now();
  const scores = Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 101);
  expect(separation(scores.slice(0, 50_000), scores.slice(50_000)).auc).toBeCloseTo(0.5, 1);
  expect(spearman(scores.map((score) => [score, 100 - score]))).toBeCloseTo(-1, 9);
  expect(performance.now() - started).toBeLessThan(3000);
});
