import { ratios, summarize } from '../../../bench/statistics';

test('medians of odd and even numbers of runs, with their range', () => {
  expect(summarize([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3, runs: 3 });
  expect(summarize([4, 1, 2, 3])).toEqual({ median: 2.5, least: 1, most: 4, runs: 4 });
  expect(() => summarize([])).toThrow(RangeError);
});

test('ratios are taken within a repeat: a slow moment cancels out', () => {
  expect(ratios([2, 20], [1, 10])).toEqual([2, 2]);
  expect(() => ratios([1], [1, 2])).toThrow(RangeError);
});
