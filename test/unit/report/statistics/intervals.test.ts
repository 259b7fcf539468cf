import {
  estimateMean,
  estimateShare,
  mean,
  pairedDifference,
  sd,
  tInterval,
  wilson,
  type Clustered,
  type Interval,
} from '../../../../report/statistics/intervals';

function clustered(groups: Record<string, number[]>): Clustered[] {
  return Object.entries(groups).flatMap(([question, values]) => values.map((value) => ({ question, value })));
}

function expectRange({ range, reason }: Interval, low: number, high: number): void {
  expect(reason).toBeNull();
  expect(range?.[0]).toBeCloseTo(low, 9);
  expect(range?.[1]).toBeCloseTo(high, 9);
}

const SCORES = { a: [10, 20, 30], b: [50, 60], c: [90, 95, 100, 85], d: [40] };

test('a mean, with the interval over question means and the naive one (frozen scipy values)', () => {
  const estimate = estimateMean(clustered(SCORES));
  expect(estimate).toMatchObject({ n: 10, mean: 58, questions: 4, questionMean: 51.875 });
  expect(estimate.sd).toBeCloseTo(33.015148038438355, 12);
  expectRange(estimate.ci95, 3.1133561337718803, 100.63664386622813);
  expectRange(estimate.naive95, 34.38238584905928, 81.61761415094071);
});

test('a share, with the interval over question rates and Wilson’s (frozen scipy values)', () => {
  const estimate = estimateShare(clustered({ a: [1, 0, 0], b: [1, 1], c: [0, 0, 0, 0], d: [1] }));
  expect(estimate).toMatchObject({ count: 4, denominator: 10, rate: 0.4, questions: 4 });
  expect(estimate.questionRate).toBeCloseTo(0.5833333333333333, 12);
  expectRange(estimate.ci95, -0.21227824298759368, 1.37894490965426);
  expectRange(estimate.naive95, 0.16818032970623614, 0.6873262302663417);
});

// scipy 1.17.1: stats.binomtest(k, n).proportion_ci(0.95, 'wilson')
test.each([
  [84, 400, 0.1729377251738417, 0.25257940554005026],
  [0, 50, 0, 0.07134759913335872],
  [50, 50, 0.9286524008666412, 1],
  [1, 7, 0.02567962434474358, 0.5131278292743189],
])('Wilson for %d of %d', (count, denominator, low, high) => {
  expectRange(wilson(count, denominator), low, high);
});

test('differences are paired by question, over those that both have (frozen scipy values)', () => {
  const difference = pairedDifference(clustered(SCORES), clustered({ a: [5, 15], b: [70], c: [60, 70], e: [1] }));
  expect(difference).toMatchObject({ questions: 3, difference: 7.5 });
  expectRange(difference.ci95, -45.561204782698354, 60.561204782698354);
});

describe('what can not be estimated is null with a reason, never a range of width 0', () => {
  test.each([
    ['no value', {}, 'no question mean'],
    ['one question', { a: [1, 2, 3] }, 'only one question mean'],
    ['equal question means', { a: [0, 10], b: [5], c: [4, 6] }, 'no variance: every question mean is the same'],
    [
      'means that differ in the last bit only',
      { a: [0.1, 0.2, 0.3], b: [0.2], c: [0.2, 0.2, 0.2] },
      'no variance: every question mean is the same',
    ],
  ])('%s', (_, groups, reason) => {
    expect(estimateMean(clustered(groups)).ci95).toEqual({ range: null, reason });
  });

  test('no hit at all: no interval over questions, but a naive one', () => {
    const share = estimateShare(clustered({ a: [0, 0], b: [0, 0] }));
    expect(share.rate).toBe(0);
    expect(share.ci95).toEqual({ range: null, reason: 'no variance: every question rate is the same' });
    expect(share.naive95.range?.[1]).toBeGreaterThan(0.4);
  });

  test('no row', () => {
    expect(estimateShare([])).toMatchObject({
      rate: null,
      questionRate: null,
      ci95: { range: null },
      naive95: { range: null },
    });
    expect(pairedDifference(clustered({ a: [1] }), clustered({ b: [1] }))).toMatchObject({
      questions: 0,
      difference: null,
    });
  });
});

test('the order of rows changes no bit', () => {
  const values = Array.from({ length: 97 }, (_, index) => ({
    question: `q${index % 7}`,
    value: (index * 37.77) % 100,
  }));
  const shuffled = values.map((_, index) => values[(index * 31) % 97] as Clustered);
  expect(estimateMean(shuffled)).toEqual(estimateMean(values));
});

test('mean and standard deviation (n - 1) refuse too few values', () => {
  expect(sd([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(2.138089935299395, 12);
  expect(() => mean([])).toThrow(RangeError);
  expect(() => sd([1])).toThrow(RangeError);
  expect(tInterval([1], 'seed').reason).toBe('only one seed');
});
