import { normalCdf, normalQuantile } from '../../../../report/statistics/normal';

test.each([
  [-5, 2.866515718791933e-7],
  [-1.5, 0.06680720126885807],
  [0, 0.5],
  [0.3, 0.6179114221889526],
  [4, 0.9999683287581669],
])('Φ(%p), as SciPy has it', (z, probability) => {
  expect(Math.abs(normalCdf(z) - probability)).toBeLessThan(1e-15);
});

test('quantiles, as SciPy has them', () => {
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
  expect(normalQuantile(0.995)).toBeCloseTo(2.5758293035489004, 12);
  expect(normalQuantile(0.5)).toBeCloseTo(0, 12);
  expect(normalCdf(-40)).toBe(0);
  expect(normalCdf(40)).toBe(1);
  expect(() => normalQuantile(0)).toThrow('no normal quantile for p=0');
});
