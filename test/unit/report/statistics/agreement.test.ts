import { alphaOfScores, alphaOfWords, cohenKappa } from '../../../../report/statistics/agreement';

/** Four raters, twelve units, with missing values: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011. */
const _ = null;
const PUBLISHED = [
  [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
  [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
  [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
  [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
];
const byUnit = PUBLISHED[0]!.map((__, unit) => PUBLISHED.map((rater) => rater[unit] ?? null));

test('alpha of the published example: 0.743 nominal, 0.849 interval (frozen from krippendorff 0.9.0)', () => {
  expect(alphaOfWords(byUnit.map((unit) => unit.map((value) => value?.toString() ?? null)))).toBeCloseTo(
    0.743421052631579,
    12,
  );
  expect(alphaOfScores(byUnit)).toBeCloseTo(0.8491071428571428, 12);
});

test('alpha of two judges’ scores, with a missing one (frozen from krippendorff 0.9.0)', () => {
  const [first, second] = [
    [90, 85, 15, 0, 95, null, 50.5, 90],
    [85, 85, 20, 10, 90, 30, null, 15],
  ];
  const ratings = first.map((value, index) => [value, second[index] ?? null]);
  expect(alphaOfScores(ratings)).toBeCloseTo(0.6947368421052631, 12);
  expect(alphaOfScores([...ratings].reverse())).toBe(alphaOfScores(ratings));
});

test('alpha: perfect is 1, and where nothing differs or nothing is rated twice there is none', () => {
  expect(
    alphaOfScores([
      [1, 1],
      [5, 5],
    ]),
  ).toBe(1);
  expect(
    alphaOfWords([
      ['a', 'a'],
      ['b', 'b'],
    ]),
  ).toBe(1);
  expect(
    alphaOfScores([
      [5, 5],
      [5, 5],
    ]),
  ).toBeNull();
  expect(
    alphaOfScores([
      [0.1, 0.1, 0.1],
      [0.1, 0.1, 0.1],
    ]),
  ).toBeNull();
  expect(
    alphaOfScores([
      [5, null],
      [null, 7],
    ]),
  ).toBeNull();
  expect(alphaOfWords([])).toBeNull();
});

// sklearn.metrics.cohen_kappa_score 1.9.1
test.each([
  ['yyynnnnyyn', 'yynnnnyyyn', 0.6],
  ['abcaba', 'abbcba', 0.4782608695652174],
])('kappa of %s and %s', (first, second, kappa) => {
  expect(cohenKappa([...first].map((word, index) => [word, second[index] as string]))).toBeCloseTo(kappa, 12);
});

test('kappa: none without pairs, or when both only ever say the same word', () => {
  expect(cohenKappa([])).toBeNull();
  expect(
    cohenKappa([
      ['no', 'no'],
      ['no', 'no'],
    ]),
  ).toBeNull();
  expect(
    cohenKappa([
      ['no', 'yes'],
      ['no', 'yes'],
    ]),
  ).toBe(0);
});

test('a hundred thousand ratings take no more than a moment', () => {
  const started = performance.now();
  const ratings = Array.from({ length: 100_000 }, (__, index) => [index % 101, Math.floor(index / 101) % 101]);
  expect(Math.abs(alphaOfScores(ratings) as number)).toBeLessThan(0.05);
  expect(performance.now() - started).toBeLessThan(3000);
});
