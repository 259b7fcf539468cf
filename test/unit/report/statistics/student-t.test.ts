import { tQuantile } from '../../../../report/statistics/student-t';

const mockLoad = jest.fn();
jest.mock('@stdlib/stats-base-dists-t-quantile', () => {
  mockLoad();
  return jest.requireActual<object>('@stdlib/stats-base-dists-t-quantile');
});

test('the library is loaded by the first quantile and not before', () => {
  expect(mockLoad).not.toHaveBeenCalled();
  tQuantile(0.9, 5);
  tQuantile(0.9, 6);
  expect(mockLoad).toHaveBeenCalledTimes(1);
});

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
  expect(Math.abs(tQuantile(p, df) / expected - 1)).toBeLessThan(1e-14);
  expect(Math.abs(tQuantile(1 - p, df) / -expected - 1)).toBeLessThan(1e-11);
});

// mpmath 1.3.0 with 40 digits
test.each([
  [5000, 1.96043855170650754],
  [10000, 1.96020123989062588],
  [18889, 1.9600895825422234],
])('97.5 %% quantile, %d degrees of freedom', (df, expected) => {
  expect(Math.abs(tQuantile(0.975, df) / expected - 1)).toBeLessThan(1e-14);
});

// the quantiles of Flamingo's first reports, whose intervals must stay what they were
test.each([
  [1, 12.706204736174694],
  [2, 4.3026527297494646],
  [3, 3.182446305283708],
  [4, 2.776445105197795],
  [5, 2.5705818356363146],
  [6, 2.4469118511449706],
  [7, 2.364624251592784],
  [8, 2.306004135204166],
  [9, 2.2621571627982036],
  [11, 2.2009851600916406],
  [15, 2.131449545559776],
  [19, 2.0930240544083105],
  [23, 2.0686576104190477],
  [29, 2.0452296421327016],
  [31, 2.0395134463964046],
  [49, 2.0095752371292317],
  [59, 2.000995378088267],
  [99, 1.9842169515864132],
  [149, 1.9760131776891754],
  [199, 1.9719565442517935],
  [399, 1.9659272959208671],
  [799, 1.9629374611056272],
  [999, 1.9623414611333367],
  [1999, 1.9611514201705935],
  [3999, 1.9605573771857538],
])('97.5 %% quantile as in earlier reports, %d degrees of freedom', (df, expected) => {
  expect(Math.abs(tQuantile(0.975, df) / expected - 1)).toBeLessThan(1e-12);
});

test('refuses what has no quantile', () => {
  expect(() => tQuantile(1, 5)).toThrow(RangeError);
  expect(() => tQuantile(0.5, 0)).toThrow(RangeError);
  expect(() => tQuantile(Number.NaN, 5)).toThrow(RangeError);
});
