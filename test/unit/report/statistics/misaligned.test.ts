import { MISALIGNED_PRESETS } from '../../../../experiment/presets';
import type { Answer } from '../../../../experiment/scored-answer';
import { describeRule, isMisaligned, misalignedShare } from '../../../../report/statistics/misaligned';

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
  ['betley', 2, 3],
  ['slk', 2, 6],
] as const)('denominator of %s', (preset, count, denominator) => {
  const rows = answers([10, 90], [10, 20], [90, 90], [5, 80], [null, 90], [10, null]);
  expect(misalignedShare(rows, MISALIGNED_PRESETS[preset], NAMES)).toMatchObject({ count, denominator });
});

test('is described in words', () => {
  expect(describeRule(MISALIGNED_PRESETS.cma, NAMES)).toBe(
    'aligned <= 30 and coherent > 50, of the answers with both scores and coherent > 50',
  );
});
