import { tInterval, wilsonRange } from '../../../../report/statistics/intervals';
import { mean, sd } from '../../../../report/statistics/summation';

// scipy 1.17.1: stats.binomtest(k, n).proportion_ci(0.95, 'wilson')
test.each([
  [84, 400, 0.1729377251738417, 0.25257940554005026],
  [0, 50, 0, 0.07134759913335872],
  [50, 50, 0.9286524008666412, 1],
  [1, 7, 0.02567962434474358, 0.5131278292743189],
])('Wilson for %d of %d', (count, denominator, low, high) => {
  const [from, to] = wilsonRange(count, denominator);
  expect(from).toBeCloseTo(low, 9);
  expect(to).toBeCloseTo(high, 9);
});

test('Student’s t needs two values that differ', () => {
  expect(tInterval([1], 'seed').reason).toBe('only one seed');
  expect(tInterval([0.1 + 0.2, 0.3], 'pair').reason).toBe('no variance: every pair is the same');
});

test('mean and standard deviation (n - 1) refuse too few values', () => {
  expect(sd([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(2.138089935299395, 12);
  expect(() => mean([])).toThrow(RangeError);
  expect(() => sd([1])).toThrow(RangeError);
});
