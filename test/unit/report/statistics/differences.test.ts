import { differenceOfMeans, differenceOfShares } from '../../../../report/statistics/differences';
import type { Clustered } from '../../../../report/statistics/estimates';
import { CONFIDENCE } from '../../../../report/statistics/intervals';
import frozen from './frozen/frozen.json';

function sampled(groups: Record<string, readonly number[]>): Clustered[] {
  return Object.entries(groups).flatMap(([question, values]) =>
    values.map((value, sample) => ({ question, sample, value })),
  );
}

const { here, reference, these, like } = frozen.difference;

test('of means: t over the answers’ differences, sample by sample, and over the questions’ (frozen SciPy values)', () => {
  const found = differenceOfMeans(sampled(here), sampled(reference));
  expect(found).toMatchObject({ questions: 3, items: 3, difference: expect.closeTo(-98 / 9, 9) as number });
  [0, 1].forEach((end) => {
    expect(found.theseQuestions.range?.[end]).toBeCloseTo(these[end] as number, 9);
    expect(found.questionsLikeThese.range?.[end]).toBeCloseTo(like[end] as number, 9);
  });
});

test('answers that share no sample are independent: the interval is wider where samples go together', () => {
  const width = ({ theseQuestions: { range } }: ReturnType<typeof differenceOfMeans>): number =>
    (range?.[1] ?? 0) - (range?.[0] ?? 0);
  const alone = sampled(reference).map(({ question, value }) => ({ question, value }));
  const paired = width(differenceOfMeans(sampled(here), sampled(reference)));
  expect(width(differenceOfMeans(sampled(here), alone))).toBeGreaterThan(1.2 * paired);
});

test('only questions that both ask take part', () => {
  const found = differenceOfMeans(
    sampled({ a: [10, 20], b: [50, 60], c: [0, 0] }),
    sampled({ a: [0, 10], b: [30, 40] }),
  );
  expect(found).toMatchObject({ questions: 2, difference: 15 });
  expect(differenceOfMeans(sampled({ a: [1] }), sampled({ b: [1] }))).toMatchObject({
    ...{ questions: 0, difference: null },
    theseQuestions: { range: null, reason: 'no common question' },
  });
});

test('all against none is a clear difference, for both kinds of questions', () => {
  const all = sampled(Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`q${index}`, [1, 1]])));
  const none = all.map((row) => ({ ...row, value: 0 }));
  const { difference, theseQuestions, questionsLikeThese } = differenceOfShares(all, none);
  expect(difference).toBe(1);
  expect(theseQuestions.range?.[0]).toBeGreaterThan(0.8);
  expect(questionsLikeThese.range?.[0]).toBeGreaterThan(0.7);
  expect(theseQuestions.range?.[1]).toBe(1);
});

// Newcombe (Statistics in Medicine 17:873-890, 1998), method 10: 56/70 against 48/80, one question each side
test('of shares, independent samples of one question: Newcombe’s hybrid score interval', () => {
  const hits = (count: number, answers: number): Clustered[] =>
    Array.from({ length: answers }, (_, index) => ({ question: 'q', value: Number(index < count) }));
  const { difference, theseQuestions } = differenceOfShares(hits(56, 70), hits(48, 80));
  expect(difference).toBeCloseTo(0.2, 12);
  expect(theseQuestions.range?.[0]).toBeCloseTo(0.0524, 2);
  expect(theseQuestions.range?.[1]).toBeCloseTo(0.3339, 2);
});

test('equal scores on both sides: an interval around the difference, not of width 0', () => {
  const same = (value: number) => sampled({ a: [value, value], b: [value, value], c: [value, value] });
  const { difference, theseQuestions, questionsLikeThese } = differenceOfMeans(same(80), same(68));
  expect(difference).toBe(12);
  for (const { range } of [theseQuestions, questionsLikeThese]) {
    expect(range?.[0]).toBeLessThan(12);
    expect(range?.[1]).toBeGreaterThan(12);
  }
});

describe('no interval is narrower than what was seen can tell', () => {
  const asked = (hits: number[], answers: number, shift = 0): Clustered[] =>
    hits.flatMap((count, index) =>
      Array.from({ length: answers }, (_, sample) => ({
        question: `q${index}`,
        sample,
        value: Number((sample + shift) % answers < count),
      })),
    );
  const width = ({ range }: { range: [number, number] | null }): number => (range?.[1] ?? 0) - (range?.[0] ?? 0);

  test('the same answers on both sides', () => {
    const { difference, theseQuestions, questionsLikeThese } = differenceOfShares(
      asked([40, 10, 20, 30], 50),
      asked([40, 10, 20, 30], 50),
    );
    expect(difference).toBe(0);
    expect(width(theseQuestions)).toBeGreaterThan(0.05);
    expect(width(questionsLikeThese)).toBeGreaterThan(0.05);
  });

  test('questions that are always or never a hit', () => {
    const { difference, theseQuestions } = differenceOfShares(asked([5, 0], 10), asked([5, 10], 10));
    expect(difference).toBe(-0.5);
    expect(width(theseQuestions)).toBeGreaterThan(0.1);
  });

  test('two items correlate by chance', () => {
    const { questionsLikeThese } = differenceOfShares(asked([40, 10], 50), asked([30, 5], 50, 7));
    expect(questionsLikeThese.range?.[0]).toBeLessThan(-0.1);
    expect(questionsLikeThese.range?.[1]).toBeGreaterThan(0.35);
  });
});

test('a difference does not come from the mix of questions', () => {
  // each question has the same share on both sides, and other numbers of answers
  const side = (answers: [number, number]): Clustered[] =>
    Array.from({ length: 8 }, (_, index) =>
      Array.from({ length: answers[index % 2] as number }, (__, sample) => ({
        question: `q${index}`,
        sample,
        value: index % 2 === 0 && sample % 5 > 0 ? 1 : 0,
      })),
    ).flat();
  const { difference } = differenceOfShares(side([50, 5]), side([5, 50]));
  expect(difference).toBeCloseTo(0, 12);
});

test('with the mean of the questions’ rates the difference is that of the two means, whatever the numbers of answers', () => {
  const here = sampled({ a: [1, 1], b: [0, 0, 0, 0, 0, 0, 0, 1], 'c~1': [1, 0], 'c~2': [1, 1] });
  const reference = sampled({ a: [0, 1, 0, 0], b: [0, 0], 'c~1': [0, 0], 'c~2': [0, 1] });
  const items = (rows: Clustered[]) => rows.map((row) => ({ ...row, item: row.question.replace(/~.*/, '') }));
  const found = differenceOfShares(items(here), items(reference), CONFIDENCE, 'question_mean');
  expect(found.difference).toBeCloseTo((1 + 1 / 8 + 3 / 4) / 3 - (1 / 4 + 0 + 1 / 4) / 3, 12);
  expect(found).toMatchObject({ questions: 4, items: 3 });
  for (const { range } of [found.theseQuestions, found.questionsLikeThese]) {
    expect(range?.[0]).toBeLessThan(found.difference as number);
    expect(range?.[1]).toBeGreaterThan(found.difference as number);
  }
});
