import { incompleteBeta, tQuantile } from '../../../../report/statistics/student-t';

// scipy 1.17.1: stats.t.ppf(p, df)
test.each([
  [1, 0.6, 0.32491969623290634],
  [1, 0.975, 12.706204736174694],
  [1, 0.9995, 636.6192487687897],
  [2, 0.95, 2.9199855803537242],
  [2, 0.975, 4.302652729749462],
  [3, 0.995, 5.840909309733355],
  [7, 0.9, 1.4149239276505086],
  [7, 0.975, 2.364624251592784],
  [15, 0.975, 2.131449545559776],
  [30, 0.9995, 3.6459586350420627],
  [399, 0.975, 1.965927295920882],
  [1e6, 0.975, 1.959966356814107],
])('t quantile, %d degrees of freedom, p %d', (df, p, expected) => {
  expect(Math.abs(tQuantile(p, df) / expected - 1)).toBeLessThan(1e-10);
  expect(tQuantile(1 - p, df)).toBeCloseTo(-expected, 6);
});

// mpmath 1.3.0 with 40 digits: the error grows with the degrees of freedom
test.each([
  [5000, 1.96043855170650754, 1e-12],
  [18889, 1.9600895825422234, 1e-11],
  [1e6, 1.95996635681410666, 1e-10],
])('97.5 %% quantile, %d degrees of freedom', (df, expected, tolerance) => {
  expect(Math.abs(tQuantile(0.975, df) / expected - 1)).toBeLessThan(tolerance);
});

// scipy 1.17.1: special.betainc(a, b, x)
test.each([
  [0.5, 0.5, 0.3, 0.36901011956554536],
  [3.5, 0.5, 0.9, 0.40708382206558924],
  [200, 0.5, 0.99, 0.04509410713707966],
  [2, 3, 0.25, 0.26171875],
  [1e-3, 4, 0.2, 0.9996810227866346],
  [50, 60, 0.45, 0.4642352914306031],
])('incomplete beta of a=%d, b=%d, x=%d', (a, b, x, expected) => {
  expect(Math.abs(incompleteBeta(a, b, x) / expected - 1)).toBeLessThan(1e-11);
});

test('refuses what has no quantile', () => {
  expect(() => tQuantile(1, 5)).toThrow(RangeError);
  expect(() => tQuantile(0.5, 0)).toThrow(RangeError);
  expect(() => tQuantile(Number.NaN, 5)).toThrow(RangeError);
  expect(() => incompleteBeta(1, 1, 1.5)).toThrow(RangeError);
});
