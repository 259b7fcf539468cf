import { Random } from '../../../../bench/coverage/random';
import {
  poweredShare,
  threeMeans,
  threeShares,
  type LabelledValue,
} from '../../../../report/statistics/prediction-powered';
import frozen from './frozen/validity.json';

/** Item, the judge's value, and the label. */
function values(rows: readonly (readonly (string | number | null)[])[]): LabelledValue[] {
  return rows.map(([item, value, label]) => ({
    question: String(item),
    value: Number(value),
    label: label === null ? null : Number(label),
  }));
}

describe('frozen values of ppi_py (estimate) and NumPy (lambda and error over items)', () => {
  test.each(frozen.means)('mean, $name', ({ rows, value, lambda, ci95 }) => {
    const { predictionPowered } = threeMeans(values(rows));
    expect(predictionPowered.value).toBeCloseTo(value, 9);
    expect(predictionPowered.lambda).toBeCloseTo(lambda, 9);
    expect(predictionPowered.ci95.range?.[0]).toBeCloseTo(ci95[0] as number, 9);
    expect(predictionPowered.ci95.range?.[1]).toBeCloseTo(ci95[1] as number, 9);
    expect(threeMeans(values([...rows].reverse()))).toEqual(threeMeans(values(rows)));
  });

  test.each(frozen.shares)('share, $name', ({ rows, value, lambda, ci95 }) => {
    const { predictionPowered, labelsOnly, judgeOnly } = threeShares(values(rows));
    expect(predictionPowered.value).toBeCloseTo(value, 9);
    expect(predictionPowered.lambda).toBeCloseTo(lambda, 9);
    expect(predictionPowered.ci95.range?.[0]).toBeCloseTo(ci95[0] as number, 9);
    expect(predictionPowered.ci95.range?.[1]).toBeCloseTo(ci95[1] as number, 9);
    expect(labelsOnly).toMatchObject({ n: predictionPowered.labelled, items: predictionPowered.labelledItems });
    expect(judgeOnly).toMatchObject({ n: rows.length, items: 24 });
  });

  test('with one answer an item lambda is the paper’s but for degrees of freedom', () => {
    const { lambda, paperLambda } = frozen.means.find(({ name }) => name === 'one answer each')!;
    expect(lambda / paperLambda).toBeCloseTo(1, 1);
  });
});

/** Answers to `items` questions, of which a share is labelled; the judge is wrong by `bias` and by noise. */
function simulated(random: Random, { items, answers, share, bias, noise }: Record<string, number>): LabelledValue[] {
  return Array.from({ length: items as number }, (_, item) => {
    const centre = 50 + 15 * random.normal();
    return Array.from({ length: answers as number }, (): LabelledValue => {
      const truth = centre + 15 * random.normal();
      const value = truth + (bias as number) + (noise as number) * random.normal();
      return { question: `q${item}`, value, label: random.uniform() < (share as number) ? truth : null };
    });
  }).flat();
}

test('covers the truth 95 times of 100, however wrong the judge, and is narrower than the labels alone', () => {
  const random = new Random(3);
  const runs = 400;
  let [covered, judgeCovered, narrower] = [0, 0, 0];
  for (let run = 0; run < runs; run += 1) {
    const of = threeMeans(simulated(random, { items: 60, answers: 4, share: 0.25, bias: 12, noise: 5 }));
    const { predictionPowered, labelsOnly, judgeOnly } = of;
    const [low, high] = predictionPowered.ci95.range as [number, number];
    const [from, to] = labelsOnly.ci95.range as [number, number];
    if (low <= 50 && 50 <= high) covered += 1;
    if ((judgeOnly.ci95.range?.[0] ?? 0) <= 50) judgeCovered += 1;
    if (high - low < to - from) narrower += 1;
  }
  expect(covered / runs).toBeGreaterThan(0.92);
  expect(covered / runs).toBeLessThan(0.98);
  expect(judgeCovered / runs).toBeLessThan(0.1);
  expect(narrower / runs).toBeGreaterThan(0.9);
});

test('shares are covered too, down to few hits', () => {
  const random = new Random(4);
  const runs = 400;
  for (const mean of [0.05, 0.25]) {
    let covered = 0;
    for (let run = 0; run < runs; run += 1) {
      const all = Array.from({ length: 60 }, (_, item) => {
        const own = random.beta(8 * mean, 8 * (1 - mean));
        return Array.from({ length: 6 }, (): LabelledValue => {
          const truth = Number(random.uniform() < own);
          const value = random.uniform() < 0.9 ? truth : 1 - truth;
          return { question: `q${item}`, value, label: random.uniform() < 0.3 ? truth : null };
        });
      }).flat();
      const [low, high] = poweredShare(all).ci95.range as [number, number];
      expect(low).toBeGreaterThanOrEqual(0);
      if (low <= mean && mean <= high) covered += 1;
    }
    expect(covered / runs).toBeGreaterThan(0.92);
  }
});

test('a judge that knows nothing is not relied on', () => {
  const all = simulated(new Random(5), { items: 200, answers: 1, share: 0.5, bias: 0, noise: 400 });
  expect(threeMeans(all).predictionPowered.lambda).toBeLessThan(0.05);
});

test('every answer labelled: the labels’ own estimate', () => {
  const rows: LabelledValue[] = [10, 30, 50].map((label, index) => ({
    question: `q${index}`,
    value: label + 5,
    label,
  }));
  const { predictionPowered, labelsOnly, judgeOnly } = threeMeans(rows);
  expect(predictionPowered).toMatchObject({ value: 30, lambda: 0, labelled: 3, n: 3 });
  expect(predictionPowered.ci95.range?.[0]).toBeCloseTo(labelsOnly.ci95.range?.[0] ?? NaN, 9);
  expect(judgeOnly.value).toBe(35);
});

test('labels without a hit, and a correction beyond the scale, leave the labels’ own estimate', () => {
  const share = (label: (index: number) => number | null, value: (index: number) => number) =>
    threeShares(
      Array.from({ length: 40 }, (_, index) => ({ question: `q${index}`, label: label(index), value: value(index) })),
    );
  const none = share(
    (index) => (index < 20 ? 0 : null),
    (index) => Number(index % 5 === 0),
  );
  expect(none.predictionPowered).toMatchObject({ value: 0, lambda: 0, ci95: none.labelsOnly.ci95 });
  expect(none.labelsOnly.ci95.range?.[1]).toBeGreaterThan(0.05);
  // one hit of the labels, and the judge sees none in the other answers
  const beyond = share(
    (index) => (index < 20 ? Number(index === 0) : null),
    (index) => Number(index < 2),
  );
  expect(beyond.predictionPowered.value).toBeGreaterThanOrEqual(0);
  const [low, high] = beyond.predictionPowered.ci95.range as [number, number];
  expect(low).toBeGreaterThanOrEqual(0);
  expect(high).toBeGreaterThan(low);
});

test('labels of one question, or none, say nothing of others', () => {
  const of = (label: (index: number) => number | null) =>
    threeMeans(
      Array.from({ length: 6 }, (_, index) => ({ question: `q${index % 3}`, value: 50, label: label(index) })),
    );
  expect(of(() => null).predictionPowered).toMatchObject({ value: null, ci95: { range: null, reason: 'no labels' } });
  expect(of((index) => (index % 3 === 0 ? 40 + index : null)).predictionPowered).toMatchObject({
    value: 41.5,
    lambda: 0,
    ci95: { range: null, reason: 'labels of only one question' },
  });
});
