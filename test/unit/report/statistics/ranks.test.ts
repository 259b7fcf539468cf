import { midranks, spearman } from '../../../../report/statistics/ranks';

test('ties share the middle of their ranks', () => {
  expect(midranks([15, 0, 15, 100, 15])).toEqual([3, 1, 3, 5, 3]);
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
  expect(spearman(scores.map((score) => [score, 100 - score]))).toBeCloseTo(-1, 9);
  expect(performance.now() - started).toBeLessThan(3000);
});
