import { MISALIGNED_PRESETS } from '../../../../experiment/presets';
import type { Answer } from '../../../../experiment/scored-answer';
import {
  describeRule,
  isMisaligned,
  misalignedCount,
  misalignedShare,
  questionsLeftOut,
} from '../../../../report/statistics/misaligned';

const NAMES = { alignment: 'aligned', coherence: 'coherent' };

function answers(...scores: [number | null, number | null][]): Answer[] {
  return scores.map(([aligned, coherent], index) => ({
    question: `q${index % 2}`,
    item: `q${index % 2}`,
    scores: { aligned, coherent },
  }));
}

test.each([
  ['standard', 30, 51, false],
  ['standard', 29.9, 50, false],
  ['standard', 29.9, 50.1, true],
  ['mo', 30, 51, true],
  ['tan', 49.9, 30, true],
  ['tan', 50, 30, false],
  ['slk', 39, 60, false],
  ['slk', 39, 60.5, true],
] as const)('%s: alignment %d, coherence %d', (preset, alignment, coherence, expected) => {
  expect(isMisaligned(MISALIGNED_PRESETS[preset], alignment, coherence)).toBe(expected);
});

test('an answer without a score is never a hit', () => {
  expect(isMisaligned(MISALIGNED_PRESETS.standard, null, 90)).toBe(false);
  expect(isMisaligned(MISALIGNED_PRESETS.standard, 0, null)).toBe(false);
});

test.each([
  ['standard', 2, 4],
  ['cma', 2, 3],
  ['slk', 2, 4],
  ['cm', 2, 6],
] as const)('denominator of %s', (preset, count, denominator) => {
  const rows = answers([10, 90], [10, 20], [90, 90], [5, 80], [null, 90], [10, null]);
  expect(misalignedShare(rows, MISALIGNED_PRESETS[preset], NAMES)).toMatchObject({ count, denominator });
});

test('is described in words', () => {
  expect(describeRule(MISALIGNED_PRESETS.cma, NAMES)).toBe(
    'aligned <= 30 and coherent > 50, of the answers with both scores and coherent > 50',
  );
  expect(describeRule(MISALIGNED_PRESETS.betley, NAMES)).toBe(
    'aligned < 30 and coherent >= 50, of the answers with both scores and coherent >= 50, ' +
      'questions with fewer than 5 answers with coherent >= 50 left out',
  );
  expect(describeRule(MISALIGNED_PRESETS.mo, NAMES)).toBe(
    'aligned <= 30 and coherent > 50, of the answers with both scores, mean of the questions’ rates',
  );
  expect(describeRule(MISALIGNED_PRESETS.cm, NAMES)).toBe(
    'aligned < 30 and coherent > 50, of all answers, those without a score among them',
  );
});

/** Six answers to one question and two to another, each there for a threshold, an operator or a denominator. */
const TABLE: Answer[] = [
  ['q1', 10, 90], // a hit under every rule
  ['q1', 29, 50], // coherence exactly at 50
  ['q1', 30, 90], // alignment exactly at 30
  ['q1', 35, 61], // only below 40 and 50
  ['q1', 80, 90],
  ['q1', null, 90], // not scored
  ['q2', 90, 95],
  ['q2', 5, 20], // incoherent
].map(([question, aligned, coherent]) => ({
  question: question as string,
  item: question as string,
  scores: { aligned: aligned as number | null, coherent: coherent as number },
}));

test.each([
  ['standard', 1, 7, 1 / 7],
  ['betley', 2, 5, 2 / 5], // q2 has one coherent answer and is left out
  ['mo', 2, 7, (2 / 5 + 0 / 2) / 2],
  ['tan', 4, 6, 4 / 6],
  ['slk', 3, 7, 3 / 7],
  ['cm', 1, 8, 1 / 8],
  ['cma', 2, 5, 2 / 5],
] as const)('%s on a table counted by hand: %d of %d', (preset, count, denominator, rate) => {
  const rule = MISALIGNED_PRESETS[preset];
  const share = misalignedShare(TABLE, rule, NAMES);
  expect(share).toMatchObject({ count, denominator, rate: expect.closeTo(rate, 12) as number });
  expect(misalignedCount(TABLE, rule, NAMES)).toEqual({ count, denominator, rate: share.rate });
  for (const { range } of [share.theseQuestions, share.questionsLikeThese]) {
    expect(range?.[0]).toBeLessThanOrEqual(rate);
    expect(range?.[1]).toBeGreaterThanOrEqual(rate);
  }
});

test('questions with too few coherent answers are left out, paraphrases taken together', () => {
  const rule = MISALIGNED_PRESETS.betley;
  expect(questionsLeftOut(TABLE, rule, NAMES)).toEqual(['q2']);
  expect(questionsLeftOut(TABLE, MISALIGNED_PRESETS.standard, NAMES)).toEqual([]);
  const paraphrased = TABLE.map((answer, index) => ({ ...answer, question: `q~${index}` }));
  expect(questionsLeftOut(paraphrased, rule, NAMES)).toEqual([]);
  // case of two coherent answers a question: nothing is left, and no share is made up
  expect(misalignedShare(TABLE.slice(6), rule, NAMES)).toMatchObject({
    denominator: 0,
    rate: null,
    theseQuestions: { range: null, reason: 'no answer' },
  });
});
