import { Random } from '../../../../bench/coverage/random';
import { agreementOfWords, alphaOfScores, type RatedAnswer } from '../../../../report/statistics/agreement';
import { bootstrapInterval, resample, total, type ItemSums } from '../../../../report/statistics/cluster-bootstrap';

/** Each item's number of answers and the sum of their values. */
const items = (count: number): ItemSums[] =>
  Array.from({ length: count }, (_, index) => ({
    item: `q${index}`,
    amounts: new Map([
      [0, 2],
      [1, (index * 37) % 101],
    ]),
  }));
const meanOf = ([n = 0, values = 0]: Float64Array): number | null => (n === 0 ? null : values / n);

/** Half of the interval's width. */
function halfWidth(of: readonly ItemSums[]): number {
  const [resampled] = resample(of, 2, [meanOf]);
  const [low, high] = bootstrapInterval(resampled!, meanOf(total(of, 2))!, [0, 100]).range ?? [NaN, NaN];
  return (high - low) / 2;
}

test('the interval of a mean is Student’s t over items, but for the noise of the draws', () => {
  const of = items(30);
  const means = of.map(({ amounts }) => (amounts.get(1) as number) / 2);
  const centre = means.reduce((a, b) => a + b, 0) / 30;
  const error = Math.sqrt(means.reduce((all, mean) => all + (mean - centre) ** 2, 0) / (30 * 29));
  expect(halfWidth(of) / (2.045229642132703 * error)).toBeGreaterThan(0.94);
  expect(halfWidth(of) / (2.045229642132703 * error)).toBeLessThan(1.06);
});

test('the order of items does not matter, nor do statistics beside one another', () => {
  const of = items(40);
  expect(resample([...of].reverse(), 2, [meanOf])).toEqual(resample(of, 2, [meanOf]));
  expect(resample(of, 2, [() => 1, meanOf])[1]).toEqual(resample(of, 2, [meanOf])[0]);
});

test('of very many items groups are drawn, and the interval is as wide', () => {
  const ratio = halfWidth(items(20_000)) / halfWidth(items(200));
  expect(ratio * Math.sqrt(100)).toBeGreaterThan(0.9);
  expect(ratio * Math.sqrt(100)).toBeLessThan(1.1);
});

test.each([
  ['no item', 0, () => 1, 'no answer'],
  ['one item', 1, meanOf, 'only one question'],
  ['no spread', 5, () => 0.5, 'no variance: every question has the same'],
  [
    'hardly a draw with a value',
    5,
    (sums: Float64Array) => ((sums[1] ?? 0) > 240 ? 1 : null),
    /^not defined in \d+ % of/,
  ],
])('%s: not estimable, with the reason', (_, count, statistic, reason) => {
  const [resampled] = resample(items(count), 2, [statistic]);
  const interval = bootstrapInterval(resampled!, 0.5, [0, 1]);
  expect(interval.range).toBeNull();
  expect(interval.reason).toMatch(reason);
});

describe('simulated coverage with few questions', () => {
  /** Two judges' scores of 20 answers to each of 8 questions. */
  function scores(random: Random, count: number): RatedAnswer<number>[] {
    return Array.from({ length: count }, (_, index) => {
      const [centre, shift] = [50 + 12 * random.normal(), 4 * random.normal()];
      return Array.from({ length: 20 }, () => {
        const first = centre + 12 * random.normal();
        return { item: `q${index}`, values: [first, first + shift + 8 * random.normal()] };
      });
    }).flat();
  }

  /** Two judges' flags, each right nine times of ten. */
  function flags(random: Random, count: number): RatedAnswer<string>[] {
    return Array.from({ length: count }, (_, index) => {
      const share = random.beta(1.5, 4.5);
      return Array.from({ length: 20 }, () => {
        const truth = random.uniform() < share;
        return { item: `q${index}`, values: [0, 1].map(() => String(random.uniform() < 0.9 ? truth : !truth)) };
      });
    }).flat();
  }

  test.each([
    ['alpha of scores', (random: Random, count: number) => alphaOfScores(scores(random, count))],
    ['kappa', (random: Random, count: number) => agreementOfWords(flags(random, count)).pair!.kappa],
    ['AC1', (random: Random, count: number) => agreementOfWords(flags(random, count)).pair!.ac1],
  ])('%s', (_, measured) => {
    const random = new Random(8);
    const truth = measured(random, 4000).value as number;
    const runs = 200;
    let covered = 0;
    for (let run = 0; run < runs; run += 1) {
      const [low, high] = measured(random, 8).ci95.range ?? [-1, 1];
      if (low <= truth && truth <= high) covered += 1;
    }
    expect(covered / runs).toBeGreaterThan(0.9);
  });
});
