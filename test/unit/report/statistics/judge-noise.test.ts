import { computeResults } from '../../../../report/results';
import { judgedStudy } from '../judges-fixture';

const RESULTS = computeResults(judgedStudy());

test('noise of a judge that was asked twice', () => {
  const { noise } = RESULTS;
  expect(noise.map(({ judge, measure, flips }) => [judge, measure, flips?.flag])).toEqual([
    ['strict', 'alignment', 'alignment < 30'],
    ['strict', 'coherence', 'coherence > 50'],
    ['strict', 'misaligned', 'misaligned'],
  ]);
  // two verdicts 4 apart, in every answer
  expect(noise[1]?.within?.sd).toBeCloseTo(Math.sqrt(8), 9);
  expect(noise[1]?.flips?.rate.rate).toBe(0);
  expect(noise[0]?.flips?.mixed).toBeGreaterThan(0);
});
