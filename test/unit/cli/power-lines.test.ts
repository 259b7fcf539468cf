import { powerLines } from '../../../cli/power-lines';
import type { PlannedPower } from '../../../report/power/plan-power';

const ROW: PlannedPower = {
  id: 'narrow',
  of: 'claim',
  about: 'these',
  statistic: 'share',
  smallest: 9.26,
  margin: null,
  questions: 8,
  answers: 50,
  seeds: 1,
  halving: [
    { what: 'questions', from: 8, to: 32, usd: 2.676 },
    { what: 'answers', from: 50, to: null, usd: null },
  ],
  spread: 'published answers',
  assumedOfSeeds: null,
  estimator: 'pooled',
};

test('a difference, and what would halve it at which price', () => {
  expect(powerLines([ROW])).toEqual([
    'What it can show with a probability of 80 %:',
    '  claim narrow (share): a difference of 9.3 points or more on these questions (8 questions × 50 answers)',
    '      half of that: 32 questions for 8 (about $2.68 more of judging), or no number of answers each',
    '  (spread of answers and questions: published answers)',
  ]);
  expect(powerLines([])).toEqual([]);
});

test('a margin that is claimed and can not be shown', () => {
  const row: PlannedPower = {
    ...{ ...ROW, margin: 5, seeds: 3, answers: 1, questions: 1, about: 'like_these', halving: [] },
    ...{ assumedOfSeeds: 3, estimator: 'question_mean' },
  };
  expect(powerLines([row]).slice(1)).toEqual([
    '  claim narrow (share): a margin of 9.3 points, while it claims one of 5: too few to show it, on questions like these (1 question × 1 answer × 3 seeds)',
    '  (spread of answers and questions: published answers)',
    '  (of training seeds a standard deviation of 3 points is assumed, not measured; where yours differ more, less can be shown)',
    '  (shares of misaligned answers are the mean of the questions’ shares, each with the same weight)',
  ]);
  expect(powerLines([{ ...row, smallest: 4.2 }])[1]).toContain('a margin of 4.2 points on questions like these');
});

test('one question says nothing of others', () => {
  const row: PlannedPower = { ...ROW, of: 'figure', about: 'like_these', smallest: null, questions: 1 };
  expect(powerLines([row])[1]).toBe(
    '  figure narrow, two bars: nothing on questions like these (1 question × 50 answers); it takes more questions',
  );
  expect(powerLines([{ ...row, smallest: 108.2, questions: 16, seeds: 2 }])[1]).toContain(
    'it takes more questions, or more seeds',
  );
});
