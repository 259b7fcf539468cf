/** Means of independent values: of nats without ends, and on a scale, where there is an interval wherever there is a value. */
import { estimateMean } from '../../../../report/statistics/estimates';
import { meanOver } from '../../../../report/statistics/mean-over';

test('without a scale the interval has no ends, and there is none of one value or of equal ones', () => {
  expect(meanOver([0, 0, 0, 0.05], 'pair').ci95.range?.[0]).toBeLessThan(0);
  expect(meanOver([1], 'pair')).toEqual({
    mean: 1,
    standardError: null,
    ci95: { range: null, reason: 'only one pair' },
  });
  expect(meanOver([1, 1], 'pair').ci95.reason).toBe('no variance: every pair is the same');
});

test('on a scale it is that of means of scores for questions like these', () => {
  for (const values of [[0, 0, 0, 0.05], [0.2, 0.2, 0.2], [0, 0], [1, 1, 1], [0.4], [0.1, 0.5, 0.9]]) {
    const asked = values.map((value, index) => ({ question: `${index}`, value }));
    const { ci95, mean } = meanOver(values, 'question', [0, 1]);
    expect(ci95).toEqual(estimateMean(asked, [0, 1]).questionsLikeThese);
    const [low, high] = ci95.range as [number, number];
    expect(low).toBeGreaterThanOrEqual(0);
    expect(high).toBeLessThanOrEqual(1);
    expect(high).toBeGreaterThan(low);
    expect(mean).toBeGreaterThanOrEqual(low);
    expect(mean).toBeLessThanOrEqual(high);
  }
  expect(meanOver([-1, -1, 0.9], 'question', [-1, 1]).ci95.range?.[0]).toBe(-1);
});

test('without a value there is none on a scale either', () => {
  expect(meanOver([], 'question', [0, 1])).toEqual({
    mean: null,
    standardError: null,
    ci95: { range: null, reason: 'no question' },
  });
});
