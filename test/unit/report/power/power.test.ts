/** The smallest effect of a design, what halves it, and where spreads come from. */
import type { Clustered } from '../../../../report/statistics/estimates';
import { halving, smallestShown, type Comparison } from '../../../../report/power/power';
import { PUBLISHED, spreadOf } from '../../../../report/power/spreads';

const EIGHT: Comparison = {
  statistic: 'share',
  questions: 8,
  answers: 50,
  seeds: 1,
  sides: ['fine-tune', 'fine-tune'],
  about: 'like_these',
  spread: PUBLISHED.share,
  alpha: 0.05,
};

test('eight questions can show some thirty points, and 48 a third of that', () => {
  // √(0.249²/8 + 2 · 0.334²/400) · 3.26976, noncentral t with 7 degrees of freedom
  expect(smallestShown(EIGHT)).toBeCloseTo(3.26976 * Math.sqrt(0.249 ** 2 / 8 + (2 * 0.334 ** 2) / 400), 3);
  expect(smallestShown({ ...EIGHT, questions: 48 })).toBeLessThan(0.11);
  expect(smallestShown({ ...EIGHT, questions: 1 })).toBeNull();
});

test('for these questions only the answers’ noise counts', () => {
  const these: Comparison = { ...EIGHT, about: 'these' };
  expect(smallestShown(these)).toBeCloseTo(2.8056 * Math.sqrt((2 * 0.334 ** 2) / 400), 3);
  // four times the answers, however they come about
  const [questions, answers] = halving(these);
  expect([questions?.what, answers?.what]).toEqual(['questions', 'answers']);
  expect(Math.abs((questions?.to as number) - 32)).toBeLessThanOrEqual(1);
  expect(Math.abs((answers?.to as number) - 200)).toBeLessThanOrEqual(2);
});

test('more answers do not halve what questions leave open; more questions do', () => {
  const [questions, answers] = halving(EIGHT);
  expect(answers).toEqual({ what: 'answers', from: 50, to: null });
  const to = questions?.to as number;
  expect(smallestShown({ ...EIGHT, questions: to })).toBeLessThanOrEqual((smallestShown(EIGHT) as number) / 2);
  expect(smallestShown({ ...EIGHT, questions: to - 1 })).toBeGreaterThan((smallestShown(EIGHT) as number) / 2);
});

test('seeds are a level of their own', () => {
  const three: Comparison = { ...EIGHT, about: 'these', seeds: 3, sides: ['seeds', 'seeds'] };
  expect(smallestShown(three)).toBeGreaterThan(2 * (smallestShown({ ...three, seeds: 8 }) as number));
  expect(halving(three).map(({ what }) => what)).toEqual(['questions', 'answers', 'seeds']);
});

test('an interaction has four sides; an untrained model has no other seeds, a single fine-tune has', () => {
  const four: Comparison = { ...EIGHT, sides: ['fine-tune', 'fine-tune', 'untrained', 'untrained'] };
  expect(smallestShown(four)).toBeCloseTo(Math.SQRT2 * (smallestShown(EIGHT) as number), 2);
  const against = (side: 'untrained' | 'fine-tune' | 'seeds'): number =>
    smallestShown({ ...EIGHT, about: 'these', seeds: 5, sides: ['seeds', side] }) as number;
  // t with 4 degrees of freedom; of seeds 3 points each, of answers 0.334 over 8 questions of 50
  const answers = 0.334 ** 2 / 400;
  const effect = 3.76106; // noncentral t with 4 degrees of freedom, 80 % (SciPy)
  expect(against('untrained') / Math.sqrt(0.03 ** 2 / 5 + answers / 5 + answers)).toBeCloseTo(effect, 1);
  expect(against('fine-tune') / Math.sqrt(0.03 ** 2 / 5 + 0.03 ** 2 + answers / 5 + answers)).toBeCloseTo(effect, 1);
  expect(against('seeds')).toBeLessThan(against('fine-tune'));
});

test('equivalence takes both ends at once, and a family takes more', () => {
  expect(smallestShown(EIGHT, true)).toBeGreaterThan(smallestShown(EIGHT) as number);
  expect(smallestShown({ ...EIGHT, alpha: 0.05 / 16 })).toBeGreaterThan(smallestShown(EIGHT) as number);
});

test('a pilot’s spread: answers within questions, and the questions’ differences without that noise', () => {
  const cell = (table: number[][]): Clustered[] =>
    table.flatMap((answers, question) => answers.map((value) => ({ question: `q${question}`, value })));
  const here = cell([
    [10, 20],
    [30, 40],
    [50, 60],
  ]);
  const there = cell([
    [10, 20],
    [10, 20],
    [10, 20],
  ]);
  const found = spreadOf(here, there);
  expect(found?.within).toBeCloseTo(Math.sqrt(50), 10);
  // differences 0, 20, 40: variance 400, of which 50/2 + 50/2 is noise
  expect(found?.ofQuestions).toBeCloseTo(Math.sqrt(350), 10);
  expect(spreadOf(here, cell([[1, 2]]))).toBeNull();
  expect(spreadOf(cell([[1], [2], [3]]), cell([[1], [2], [3]]))).toBeNull();
});
