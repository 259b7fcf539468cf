import { flipsWithin, noiseWithin } from '../../../../report/statistics/repeat-noise';

test('the deviation within an answer is pooled by degrees of freedom (frozen from NumPy); single verdicts take no part', () => {
  const noise = noiseWithin([[10, 20, 15], [85, 85], [50], [95, 90, 85, 100], []]);
  expect(noise).toMatchObject({ answers: 3, verdicts: 9 });
  expect(noise.sd).toBeCloseTo(5.400617248673217, 12);
  expect(noiseWithin([[1], []])).toEqual({ answers: 0, verdicts: 0, sd: null });
});

test('flips: the share of pairs that disagree, clustered by question', () => {
  const flips = flipsWithin([
    { question: 'tea', flags: [true, false, true] },
    { question: 'tea', flags: [true, false] },
    { question: 'rain', flags: [false, false, false] },
    { question: 'rain', flags: [true] },
    { question: 'maps', flags: [true, true, true, false] },
  ]);
  expect(flips).toMatchObject({ answers: 4, mixed: 3 });
  expect(flips.rate.rate).toBeCloseTo((2 / 3 + 1 + 0 + 1 / 2) / 4, 12);
  const [low, high] = flips.rate.questionsLikeThese.range ?? [];
  expect(low).toBeGreaterThan(0.05);
  expect(high).toBeLessThan(0.95);
});
