import { estimateMean, estimateShare, rateOf, type Clustered } from '../../../../report/statistics/estimates';
import { CONFIDENCE, type Interval } from '../../../../report/statistics/intervals';
import frozen from './frozen/frozen.json';

/** A name before `~` is the item. */
function clustered(groups: Record<string, readonly number[]>): Clustered[] {
  return Object.entries(groups).flatMap(([question, values]) =>
    values.map((value) => ({ question, item: question.replace(/~.*/, ''), value })),
  );
}

function hits(counts: Record<string, readonly number[]>): Clustered[] {
  return clustered(
    Object.fromEntries(
      Object.entries(counts).map(([question, [count, answers]]) => [
        question,
        Array.from({ length: answers as number }, (_, index) => Number(index < (count as number))),
      ]),
    ),
  );
}

function expectRange({ range, reason }: Interval, expected: readonly number[], relative = 1e-9): void {
  expect(reason).toBeNull();
  for (const end of [0, 1] as const) {
    const wanted = expected[end] as number;
    expect(Math.abs((range?.[end] ?? NaN) - wanted)).toBeLessThanOrEqual(relative * Math.max(wanted, 1e-6));
  }
}

test.each(frozen.means)('mean, $name (frozen SciPy values)', ({ values, these, like }) => {
  const estimate = estimateMean(clustered(values));
  expectRange(estimate.theseQuestions, these);
  expectRange(estimate.questionsLikeThese, like);
});

// the integration's cells are coarser than the frozen values'
test.each(frozen.shares)('share, $name (frozen SciPy values)', ({ hits: counts, these, like }) => {
  const estimate = estimateShare(hits(counts));
  expectRange(estimate.theseQuestions, these);
  expectRange(estimate.questionsLikeThese, like, 0.01);
});

test('counts, the value, and forms of one item as one', () => {
  const values = clustered({ 'a~1': [10, 20, 30], 'a~2': [50, 60], b: [90, 95, 100, 85], c: [40] });
  expect(estimateMean(values)).toMatchObject({ n: 10, mean: 58, questions: 4, items: 3, questionMean: 51.875 });
  expect(estimateMean(values).sd).toBeCloseTo(33.015148038438355, 12);
  expect(estimateShare(hits({ a: [1, 3], b: [2, 2], c: [0, 4], d: [1, 1] }))).toMatchObject({
    ...{ count: 4, denominator: 10, rate: 0.4, questions: 4, items: 4 },
    questionRate: expect.closeTo(7 / 12, 12) as number,
  });
});

test('a share of very unequal numbers of answers lies in both intervals, and not at their very end', () => {
  const rows = hits({ a: [200, 200], ...Object.fromEntries('bcdefgh'.split('').map((id) => [id, [0, 3]])) });
  const { rate, theseQuestions, questionsLikeThese } = estimateShare(rows);
  expect(rate).toBe(200 / 221);
  for (const { range } of [theseQuestions, questionsLikeThese]) {
    expect(range?.[0]).toBeLessThan(200 / 221);
    expect(range?.[1]).toBeGreaterThan(200 / 221);
  }
  // the mean of the questions' rates, 1 of 8, is another number with intervals of its own
  const mean = estimateShare(rows, CONFIDENCE, 'question_mean');
  expect(mean).toMatchObject({ rate: 1 / 8, count: 200, denominator: 221 });
  expect(mean.questionsLikeThese.range?.[1]).toBeLessThan(0.5);
});

describe('the mean of the questions’ rates', () => {
  const UNEQUAL = hits({ a: [1, 2], b: [1, 8] });

  test('is the value, and both intervals hold it', () => {
    const share = estimateShare(UNEQUAL, CONFIDENCE, 'question_mean');
    expect(share).toMatchObject({ count: 2, denominator: 10, rate: (1 / 2 + 1 / 8) / 2 });
    expect(rateOf(UNEQUAL, 'question_mean')).toBe(share.rate);
    expect(estimateShare(UNEQUAL).rate).toBe(0.2);
    // Wilson's interval, for as many answers as have the variance of the two questions' rates with a weight of one half each
    const whole = 0.3125 * 0.6875;
    const variance = (2 * 0.25 + whole) / 4 ** 2 + (8 * (7 / 64) + whole) / 16 ** 2;
    const answers = whole / variance;
    const z = 1.959963984540054;
    const centre = (0.3125 + z ** 2 / (2 * answers)) / (1 + z ** 2 / answers);
    const half = (z / (1 + z ** 2 / answers)) * Math.sqrt(whole / answers + z ** 2 / (4 * answers ** 2));
    expectRange(share.theseQuestions, [centre - half, centre + half]);
    expect(share.questionsLikeThese.range?.[0]).toBeLessThan(0.3125);
    expect(share.questionsLikeThese.range?.[1]).toBeGreaterThan(0.3125);
  });

  test('with as many answers to each question it is the share of all, and so are its intervals', () => {
    const equal = hits({ a: [1, 4], b: [3, 4], c: [0, 4] });
    const [one, other] = [estimateShare(equal, CONFIDENCE, 'question_mean'), estimateShare(equal)];
    expectRange(one.theseQuestions, other.theseQuestions.range as number[]);
    expect({ ...one, theseQuestions: null }).toEqual({ ...other, theseQuestions: null });
  });

  test('forms of an item make one rate', () => {
    expect(rateOf(hits({ 'a~1': [2, 2], 'a~2': [0, 8], b: [1, 4] }), 'question_mean')).toBe((0.5 + 0.25) / 2);
    expect(rateOf([], 'question_mean')).toBeNull();
  });

  test.each([
    ['none', 0],
    ['all', 1],
  ])('%s of seven questions of unequal lengths are hits', (_, share) => {
    const lengths = [1, 3, 5, 2, 9, 4, 6];
    const rows = hits(Object.fromEntries(lengths.map((length, index) => [`q${index}`, [share * length, length]])));
    const { rate, theseQuestions } = estimateShare(rows, CONFIDENCE, 'question_mean');
    expect(rate).toBe(share);
    // so few answers as weigh as much: 49 over the sum of 1 / length
    const answers = 49 / lengths.reduce((sum, length) => sum + 1 / length, 0);
    const z2 = 1.959963984540054 ** 2;
    const reach = z2 / (answers + z2);
    expectRange(theseQuestions, share === 0 ? [0, reach] : [1 - reach, 1]);
  });
});

describe('there is an interval wherever there is an answer, and it is never of width 0', () => {
  const mean = (groups: Record<string, number[]>) => estimateMean(clustered(groups));

  test('all scores are the same: what was not seen may be anything', () => {
    const { theseQuestions, questionsLikeThese } = mean({ a: [80, 80, 80, 80], b: [80, 80, 80, 80] });
    expect(theseQuestions.range?.[0]).toBeCloseTo(80 * (1 - 0.3244), 1);
    expect(theseQuestions.range?.[1]).toBeCloseTo(80 + 20 * 0.3244, 1);
    expect(questionsLikeThese.range?.[0]).toBeLessThan(theseQuestions.range?.[0] as number);
    expect(mean({ a: [0.1, 0.1, 0.1], b: [0.1] }).theseQuestions.range?.[0]).toBeLessThan(0.09);
  });

  test('one question: these, but of others anything may be', () => {
    const { theseQuestions, questionsLikeThese } = mean({ a: [40, 50, 60] });
    expect(theseQuestions.range?.[0]).toBeGreaterThan(20);
    expect(questionsLikeThese.range).toEqual([0, 100]);
  });

  test('a single answer', () => {
    const { theseQuestions, questionsLikeThese } = mean({ a: [40] });
    expect(theseQuestions.range?.[0]).toBeLessThan(10);
    expect(questionsLikeThese.range).toEqual([0, 100]);
    expect(estimateShare(hits({ a: [0, 1] })).questionsLikeThese.range?.[1]).toBeGreaterThan(0.8);
  });

  test('none without an answer', () => {
    const none = { range: null, reason: 'no score' };
    expect(estimateMean([])).toMatchObject({ n: 0, mean: null, theseQuestions: none, questionsLikeThese: none });
    expect(estimateShare([])).toMatchObject({ rate: null, questionRate: null, theseQuestions: { range: null } });
  });
});

test('the interval for questions like these contains the share, however unequal the numbers of answers', () => {
  const { rate, questionsLikeThese } = estimateShare(hits({ a: [500, 1000], b: [0, 1], c: [0, 1], d: [0, 1] }));
  expect(questionsLikeThese.range?.[1]).toBeGreaterThanOrEqual(rate as number);
});

test('a hit may be a fraction', () => {
  const { count, questionsLikeThese } = estimateShare(clustered({ a: [0.5, 0, 0], b: [0, 0.25, 0] }));
  expect(count).toBe(0.75);
  expect(questionsLikeThese.range?.[0]).toBeGreaterThan(0);
});

test('the order of rows changes no bit', () => {
  const values = Array.from({ length: 97 }, (_, index) => ({
    question: `q${index % 7}`,
    value: (index * 37.77) % 100,
  }));
  const shuffled = values.map((_, index) => values[(index * 31) % 97] as Clustered);
  expect(estimateMean(shuffled)).toEqual(estimateMean(values));
});
