import { newcombe, separation, type ScoreOfItem } from '../../../../report/statistics/separation';
import frozen from './frozen/validity.json';

const LOW = [0, 15, 15, 20, 30, 85, 15, 5, 40];
const HIGH = [85, 95, 90, 15, 30, 95, 85, 85, 100, 70];

/** Each answer to a question of its own. */
const alone = (scores: readonly number[], name: string): ScoreOfItem[] =>
  scores.map((score, index) => ({ item: `${name}${index}`, score }));

test('AUC with ties (frozen from scikit-learn 1.9.1)', () => {
  const { auc, low, high } = separation(alone(LOW, 'l'), alone(HIGH, 'h'));
  expect([low, high]).toEqual([9, 10]);
  expect(auc).toBeCloseTo(0.8833333333333333, 12);
});

test('AUC of clustered answers, and its interval (frozen from scikit-learn and another bootstrap)', () => {
  const { rows, value, ci95 } = frozen.auc;
  const group = (of: number) =>
    rows.flatMap(([item, own, score]) => (own === of ? [{ item: String(item), score: Number(score) }] : []));
  const found = separation(group(0), group(1));
  expect(found.auc).toBeCloseTo(value, 12);
  expect(Math.abs((found.ci95.range?.[0] ?? NaN) - (ci95[0] as number))).toBeLessThan(0.01);
  expect(Math.abs((found.ci95.range?.[1] ?? NaN) - (ci95[1] as number))).toBeLessThan(0.01);
  // in whatever order the rows come
  expect(separation(group(0).reverse(), group(1).reverse())).toEqual(found);
});

test('Newcombe’s interval (frozen: his equation solved by SciPy’s brentq)', () => {
  expect(newcombe(0.8833333333333333, 9, 10)[0]).toBeCloseTo(0.6269417339364378, 9);
  expect(newcombe(0.8833333333333333, 9, 10)[1]).toBeCloseTo(0.9680758289919457, 9);
  expect(newcombe(0.5, 4, 4)[0]).toBeCloseTo(0.1825599251014631, 9);
});

test('at the ends of the scale the interval still has a width, by items', () => {
  const apart = separation(
    alone([0, 1, 2, 3, 4, 5, 6, 7, 8], 'l'),
    alone([10, 11, 12, 13, 14, 15, 16, 17, 18, 19], 'h'),
  );
  expect(apart.auc).toBe(1);
  expect(apart.ci95.range?.[0]).toBeCloseTo(0.7900364195439242, 9);
  expect(apart.ci95.range?.[1]).toBe(1);
  const reversed = separation(alone([5, 6, 7], 'l'), alone([1, 2, 3, 4], 'h'));
  expect(reversed.auc).toBe(0);
  expect(reversed.ci95.range?.[0]).toBe(0);
  expect(reversed.ci95.range?.[1]).toBeCloseTo(0.46030833280327277, 9);
});

test('no AUC without both groups, and no interval of one question', () => {
  expect(separation([], alone([1], 'h'))).toMatchObject({ auc: null, ci95: { range: null } });
  const one = (score: number) => ({ item: 'q', score });
  expect(separation([one(1), one(3)], [one(2), one(4)])).toMatchObject({
    auc: 0.75,
    ci95: { range: null, reason: 'only one question' },
  });
});

test.each([
  ['one answer a question, whole scores', 100_000, (index: number) => (index * 7919) % 101],
  ['a thousand questions, scores with decimals', 1000, (index: number) => (index * 0.6180339887) % 100],
])('a hundred thousand scores take about a second: %s', (_, items, scoreOf) => {
  const scores = Array.from({ length: 100_000 }, (__, index) => ({ item: `q${index % items}`, score: scoreOf(index) }));
  const started = process.cpuUsage();
  expect(separation(scores.slice(0, 50_000), scores.slice(50_000)).auc).toBeCloseTo(0.5, 1);
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1e6).toBeLessThan(8);
});
