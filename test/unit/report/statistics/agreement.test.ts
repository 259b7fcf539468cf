import { agreementOfWords, alphaOfScores, type RatedAnswer } from '../../../../report/statistics/agreement';
import type { Interval } from '../../../../report/statistics/intervals';
import frozen from './frozen/validity.json';

/** Each answer to a question of its own. */
function alone<T>(ratings: readonly (readonly (T | null)[])[]): RatedAnswer<T>[] {
  return ratings.map((values, index) => ({ item: `q${index}`, values }));
}

/** The item, then the ratings. */
function clustered<T>(rows: readonly (readonly (T | string | null)[])[]): RatedAnswer<T>[] {
  return rows.map(([item, ...values]) => ({ item: String(item), values: values as (T | null)[] }));
}

/** Draws of one seed and of another differ. */
function expectRange({ range, reason }: Interval, expected: readonly number[], within = 0.02): void {
  expect(reason).toBeNull();
  for (const end of [0, 1] as const) {
    expect(Math.abs((range?.[end] ?? NaN) - (expected[end] as number))).toBeLessThan(within);
  }
}

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
  const words = agreementOfWords(alone(byUnit.map((unit) => unit.map((value) => value?.toString() ?? null))));
  expect(words.alpha.value).toBeCloseTo(0.743421052631579, 12);
  expect(words.pair).toBeNull();
  expect(alphaOfScores(alone(byUnit)).value).toBeCloseTo(0.8491071428571428, 12);
});

test('alpha of two judges’ scores, with a missing one (frozen from krippendorff 0.9.0)', () => {
  const [first, second] = [
    [90, 85, 15, 0, 95, null, 50.5, 90],
    [85, 85, 20, 10, 90, 30, null, 15],
  ];
  const ratings = alone(first.map((value, index) => [value, second[index] ?? null]));
  expect(alphaOfScores(ratings).value).toBeCloseTo(0.6947368421052631, 12);
  expect(alphaOfScores([...ratings].reverse())).toEqual(alphaOfScores(ratings));
});

describe('frozen values of krippendorff, scikit-learn and NumPy; intervals of another bootstrap', () => {
  test.each(frozen.flags)('flags, $name', ({ rows, alpha, kappa, ac1 }) => {
    const found = agreementOfWords(clustered<string>(rows));
    expect(found.alpha.value).toBeCloseTo(alpha.value, 12);
    expect(found.pair?.kappa.value).toBeCloseTo(kappa.value, 12);
    expect(found.pair?.ac1.value).toBeCloseTo(ac1.value, 12);
    expectRange(found.alpha.ci95, alpha.ci95);
    expectRange(found.pair!.kappa.ci95, kappa.ci95);
    expectRange(found.pair!.ac1.ci95, ac1.ci95);
    expect(agreementOfWords(clustered<string>([...rows].reverse()))).toEqual(found);
  });

  test('three words and a third rater who skips some', () => {
    const { rows, alpha, kappaOfTwo, ac1OfTwo } = frozen.categories;
    const found = agreementOfWords(clustered<string>(rows));
    expect(found.alpha.value).toBeCloseTo(alpha.value, 12);
    expectRange(found.alpha.ci95, alpha.ci95);
    const two = agreementOfWords(clustered<string>(rows.map((row) => row.slice(0, 3))));
    expect(two.pair?.kappa.value).toBeCloseTo(kappaOfTwo, 12);
    expect(two.pair?.ac1.value).toBeCloseTo(ac1OfTwo, 12);
  });

  test('scores', () => {
    const { rows, alpha } = frozen.scores;
    const found = alphaOfScores(clustered<number>(rows));
    expect(found.value).toBeCloseTo(alpha.value, 12);
    expectRange(found.ci95, alpha.ci95);
    expect(alphaOfScores(clustered<number>([...rows].reverse()))).toEqual(found);
  });
});

test('perfect agreement is 1, and its interval is what was not seen', () => {
  const scores = alphaOfScores(alone([[1, 1], [5, 5], [90, 90]])); // prettier-ignore
  expect(scores.value).toBe(1);
  const pairs = (items: number): RatedAnswer<string>[] =>
    alone(Array.from({ length: items }, (__, index) => (index % 4 === 0 ? ['yes', 'yes'] : ['no', 'no'])));
  const lowest = (items: number) => {
    const { alpha, pair } = agreementOfWords(pairs(items));
    const all = [alpha, pair!.kappa, pair!.ac1];
    expect(all.map(({ value }) => value)).toEqual([1, 1, 1]);
    expect(all.map(({ ci95 }) => ci95.range?.[1])).toEqual([1, 1, 1]);
    return all.map(({ ci95 }) => ci95.range?.[0] ?? NaN);
  };
  for (const [index, few] of lowest(12).entries()) {
    const many = lowest(400)[index] as number;
    expect(few).toBeLessThan(many);
    expect(many).toBeGreaterThan(0.95);
    expect(many).toBeLessThan(1);
  }
});

test('where nothing differs or nothing is rated twice there is neither alpha nor kappa', () => {
  expect(alphaOfScores(alone([[5, 5], [5, 5]])).value).toBeNull(); // prettier-ignore
  expect(alphaOfScores(alone([[0.1, 0.1, 0.1], [0.1, 0.1, 0.1]])).value).toBeNull(); // prettier-ignore
  expect(alphaOfScores(alone<number>([[5, null], [null, 7]]))).toMatchObject({ value: null, ci95: { range: null } }); // prettier-ignore
  const none = agreementOfWords([]);
  expect([none.alpha.value, none.pair?.kappa.value, none.pair?.ac1.value]).toEqual([null, null, null]);
  expect(none.alpha.ci95.reason).toBe('no answer with two ratings');
});

// sklearn.metrics.cohen_kappa_score 1.9.1
test.each([
  ['yyynnnnyyn', 'yynnnnyyyn', 0.6],
  ['abcaba', 'abbcba', 0.4782608695652174],
])('kappa of %s and %s', (first, second, kappa) => {
  const { pair } = agreementOfWords(alone([...first].map((word, index) => [word, second[index] as string])));
  expect(pair?.kappa.value).toBeCloseTo(kappa, 12);
});

test('both only ever say the same word: no kappa, and AC1 is 1', () => {
  const { pair } = agreementOfWords(alone([['no', 'no'], ['no', 'no'], ['no', 'no']])); // prettier-ignore
  expect(pair?.kappa).toMatchObject({ value: null, ci95: { range: null, reason: 'all ratings are the same' } });
  expect(pair?.ac1.value).toBe(1);
  expect(pair?.ac1.ci95.range?.[0]).toBeLessThan(1);
  expect(agreementOfWords(alone([['no', 'yes'], ['no', 'yes']])).pair?.kappa.value).toBe(0); // prettier-ignore
});

test('kappa and AC1 part where a word is rare', () => {
  // 2 of 100 answers are flagged by each, none by both
  const rare = Array.from({ length: 100 }, (__, index) => [index < 2 ? '1' : '0', index > 97 ? '1' : '0']);
  const { pair } = agreementOfWords(alone(rare));
  expect(pair?.kappa.value).toBeCloseTo(-0.0204, 4);
  expect(pair?.ac1.value).toBeCloseTo(0.9584, 4);
});

test('one question, and a word that most draws do not have, leave nothing to estimate', () => {
  const rows = (items: readonly string[]): RatedAnswer<string>[] =>
    items.flatMap((item, index) => [
      { item, values: ['no', 'no'] },
      { item, values: index === 0 ? ['yes', 'no'] : ['no', 'no'] },
    ]);
  expect(agreementOfWords(rows(['a'])).alpha.ci95).toEqual({ range: null, reason: 'only one question' });
  const { pair } = agreementOfWords(rows(['a', 'b', 'c', 'd']));
  expect(pair?.kappa.ci95).toMatchObject({
    range: null,
    reason: expect.stringMatching(/^not defined in \d+ % of/) as string,
  });
  expect(pair?.ac1.ci95.range).not.toBeNull();
});

test('copies of an answer to one question narrow no interval', () => {
  const ratings = Array.from({ length: 30 }, (__, index) => [
    (index * 37) % 101,
    (index * 37 + ((index * 7) % 20)) % 101,
  ]);
  const width = (copies: number) => {
    const answers = alone(ratings).flatMap((answer) => Array.from({ length: copies }, () => answer));
    const [low, high] = alphaOfScores(answers).ci95.range ?? [NaN, NaN];
    return high - low;
  };
  expect(width(10) / width(1)).toBeCloseTo(1, 1);
});

test.each([
  ['one answer a question', 100_000],
  ['forty-eight questions', 48],
])('a hundred thousand ratings take about a second: %s', (__, items) => {
  const started = process.cpuUsage();
  const ratings = Array.from({ length: 100_000 }, (___, index) => ({
    item: `q${index % items}`,
    values: [index % 101, Math.floor(index / 101) % 101],
  }));
  expect(Math.abs(alphaOfScores(ratings).value as number)).toBeLessThan(0.05);
  const words = ratings.map(({ item, values }) => ({ item, values: values.map((value) => String(value % 7)) }));
  expect(Math.abs(agreementOfWords(words).pair?.kappa.value as number)).toBeLessThan(0.05);
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1e6).toBeLessThan(10);
});
