/** Recipes over their training seeds: values, points, and both intervals against hand-made layouts. */
import type { Clustered } from '../../../../report/statistics/estimates';
import { CONFIDENCE } from '../../../../report/statistics/intervals';
import { combineMeans } from '../../../../report/statistics/combinations';
import {
  combineMeansOverSeeds,
  combineSharesOverSeeds,
  valueOverSeeds,
  type SeedArm,
  type SeedValues,
} from '../../../../report/statistics/over-seeds';

/** Questions × answers, each answer's value. */
function values(table: readonly (readonly number[])[]): Clustered[] {
  return table.flatMap((answers, question) =>
    answers.map((value, sample) => ({ question: `q${question}`, sample, value })),
  );
}

function seeds(...tables: number[][][]): SeedValues[] {
  return tables.map((table, index) => ({ seed: `${index}`, values: values(table) }));
}

const range = ({ range: found }: { range: [number, number] | null }): [number, number] => found as [number, number];
/** Student's t, 97.5 %, two degrees of freedom. */
const T2 = 4.30265272975;

test('the mean of the seeds’ values, with t over them', () => {
  const own = seeds(
    [
      [50, 52],
      [60, 62],
    ],
    [
      [70, 72],
      [80, 82],
    ],
    [
      [30, 32],
      [40, 42],
    ],
  );
  const found = combineMeansOverSeeds([{ sign: 1, seeds: own }]);
  expect(found).toMatchObject({ value: 56, seeds: 3 });
  expect(found.points.map(({ value }) => value)).toEqual([56, 76, 36]);
  const half = (T2 * 20) / Math.sqrt(3);
  expect(range(found.theseQuestions)[0]).toBeCloseTo(56 - half, 8);
  expect(range(found.theseQuestions)[1]).toBe(100); // 56 + 49.7 is off the scale
});

test('a seed with more answers weighs as each other one, in the value and in a difference', () => {
  const own = seeds(
    [
      [50, 54, 52, 52],
      [60, 64, 62, 62],
    ],
    [[70], [82]],
    [[30], [42]],
  );
  const arm: SeedArm = { sign: 1, seeds: own };
  const found = combineMeansOverSeeds([arm]);
  expect(found.points.map(({ value }) => value)).toEqual([57, 76, 36]);
  expect(found.value).toBeCloseTo((57 + 76 + 36) / 3, 10);
  const base: SeedArm = {
    sign: -1,
    isUntrained: true,
    seeds: seeds([
      [90, 90],
      [90, 90],
    ]),
  };
  expect(combineMeansOverSeeds([arm, base]).value).toBeCloseTo((57 + 76 + 36) / 3 - 90, 10);
});

test('for questions like these, what seeds add to the items’ variance is added', () => {
  // y = 50 + seed + question, without interaction: seeds -20, 0, 20; questions -10, 0, 10
  const layout = [-20, 0, 20].map((seed) =>
    [-10, 0, 10].map((question) => [50 + seed + question - 1, 50 + seed + question + 1]),
  );
  const found = combineMeansOverSeeds([{ sign: 1, seeds: seeds(...layout) }]);
  // variances of the mean: seeds 400/3, questions 100/3, no interaction; Satterthwaite of two parts with 2 degrees each
  const variance = 400 / 3 + 100 / 3;
  const freedom = variance ** 2 / ((400 / 3) ** 2 / 2 + (100 / 3) ** 2 / 2);
  const [low] = range(found.questionsLikeThese);
  expect(freedom).toBeCloseTo(2.941, 3);
  // t(0.975, 2.941) = 3.2187586 (SciPy)
  expect(low).toBeCloseTo(50 - 3.2187586 * Math.sqrt(variance), 3);
});

test('recipes with the same seeds are compared seed by seed', () => {
  const tables = [
    [
      [50, 54],
      [60, 64],
    ],
    [
      [70, 74],
      [80, 84],
    ],
    [
      [20, 24],
      [40, 44],
    ],
  ];
  const here = seeds(...tables);
  const reference = seeds(...tables.map((table, index) => table.map((row) => row.map((value) => value - 5 - index))));
  const found = combineMeansOverSeeds([
    { sign: 1, seeds: here },
    { sign: -1, seeds: reference },
  ]);
  expect(found.points.map(({ value }) => value)).toEqual([5, 6, 7]);
  expect(found.value).toBeCloseTo(6, 10);
  expect(range(found.theseQuestions)[0]).toBeCloseTo(6 - T2 / Math.sqrt(3), 8);
  // other seeds: both sides' spread counts
  const others = reference.map((each) => ({ ...each, seed: `other ${each.seed}` }));
  const apart = combineMeansOverSeeds([
    { sign: 1, seeds: here },
    { sign: -1, seeds: others },
  ]);
  expect(apart.points).toEqual([]);
  expect(range(apart.theseQuestions)[0]).toBeLessThan(-40);
});

test('an untrained reference adds the noise of its answers', () => {
  const here = seeds(
    [
      [50, 50],
      [60, 60],
    ],
    [
      [70, 70],
      [80, 80],
    ],
    [
      [90, 90],
      [100, 100],
    ],
  );
  const [single] = seeds([
    [20, 40],
    [30, 50],
  ]);
  const found = combineMeansOverSeeds([
    { sign: 1, seeds: here },
    { sign: -1, isUntrained: true, seeds: [single as SeedValues] },
  ]);
  expect(found.value).toBeCloseTo(75 - 35, 10);
  // seeds: 400/3 with 2 degrees; the reference: two questions of variance 200, a quarter each of half of it, with 2 degrees
  const [ofSeeds, ofReference] = [400 / 3, 50];
  // t(0.975, 3.314) = 3.017994 (SciPy)
  const half = 3.017994 * Math.sqrt(ofSeeds + ofReference);
  expect(range(found.theseQuestions)[0]).toBeCloseTo(40 - half, 3);
  expect(range(found.theseQuestions)[1]).toBeCloseTo(40 + half, 3);
});

test('a single fine-tune beside several is taken to vary as they do', () => {
  const here = seeds(
    [
      [50, 50],
      [60, 60],
    ],
    [
      [70, 70],
      [80, 80],
    ],
    [
      [90, 90],
      [100, 100],
    ],
  );
  const [single] = seeds([
    [20, 40],
    [30, 50],
  ]);
  const found = combineMeansOverSeeds([
    { sign: 1, seeds: here },
    { sign: -1, seeds: [single as SeedValues] },
  ]);
  expect(found).toMatchObject({ seeds: 3, singles: 1 });
  // 400/3 of the mean of three, and 400 of one, both with 2 degrees of freedom: Satterthwaite's 3.2
  // t(0.975, 3.2) = 3.072829 (SciPy)
  const half = 3.072829 * Math.sqrt(400 / 3 + 400);
  expect(range(found.theseQuestions)[0]).toBeCloseTo(Math.max(-100, 40 - half), 2);
});

test('what is subtracted makes no interval wider than its least known part', () => {
  // two seeds that differ a little more than their questions' noise: one degree of freedom at the least
  const flat = (level: number, wiggle: number): number[][] =>
    Array.from({ length: 8 }, (_, index) => [level + (index % 2 === 0 ? wiggle : -wiggle)]);
  const found = combineMeansOverSeeds([{ sign: 1, seeds: seeds(flat(50, 4), flat(54, -4)) }]);
  const [low, high] = range(found.questionsLikeThese);
  expect(high - low).toBeLessThan(2 * 12.7062 * 4);
});

test('the order of seeds has no part in it', () => {
  const own = seeds(
    [
      [50, 54],
      [60, 64],
    ],
    [
      [70, 74],
      [80, 84],
    ],
    [
      [20, 24],
      [40, 44],
    ],
  );
  const other = seeds(
    [
      [40, 44],
      [50, 54],
    ],
    [
      [60, 64],
      [70, 74],
    ],
    [
      [10, 14],
      [30, 34],
    ],
  );
  const found = (list: SeedValues[]) =>
    combineMeansOverSeeds([
      { sign: 1, seeds: list },
      { sign: -1, seeds: other },
    ]);
  expect(found([...own].reverse())).toEqual(found(own));
});

test('no seed has a hit: what the answers alone leave open', () => {
  const none = [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ];
  const found = combineSharesOverSeeds([{ sign: 1, seeds: seeds(none, none, none) }]);
  expect(found.value).toBe(0);
  const [low, high] = range(found.theseQuestions);
  expect(low).toBe(0);
  expect(high).toBeCloseTo(0.138, 3); // Wilson of 0 of 24
});

test('one seed alone is the fine-tune itself', () => {
  const [own] = seeds([
    [50, 60],
    [60, 80],
  ]);
  const found = combineMeansOverSeeds([{ sign: 1, seeds: [own as SeedValues] }]);
  const { theseQuestions } = combineMeans([{ sign: 1, values: (own as SeedValues).values }]);
  expect(found).toMatchObject({ value: 62.5, seeds: 1, points: [], theseQuestions });
});

test('questions that a seed did not answer take no part in a comparison', () => {
  const here = [
    {
      seed: '0',
      values: values([
        [50, 52],
        [10, 10],
      ]),
    },
    { seed: '1', values: values([[54, 56]]) },
  ];
  const reference = [
    {
      seed: '',
      values: values([
        [40, 42],
        [90, 90],
      ]),
    },
  ];
  const arms = [
    { sign: 1 as const, seeds: here },
    { sign: -1 as const, seeds: reference },
  ];
  expect(combineMeansOverSeeds(arms).value).toBeCloseTo(53 - 41, 10);
  const nothing = [
    { sign: 1 as const, seeds: here },
    { sign: -1 as const, seeds: [{ seed: '', values: values([[], [90]]) }] },
  ];
  expect(combineMeansOverSeeds(nothing)).toMatchObject({
    value: null,
    questionsLikeThese: { range: null, reason: 'no question was answered under every seed' },
  });
});

test('and none in its interval: it is that of the answers to the other questions', () => {
  const rate = (hits: number): number[] => Array.from({ length: 20 }, (_, index) => (index < hits ? 1 : 0));
  const table = (few: number, many: number): number[][] =>
    [0, 0, 0, 0, many, many, many, many].map((of, q) => rate(q < 4 ? few : of));
  const own = seeds(table(0, 18), table(1, 17), table(2, 18).slice(0, 4));
  const base = seeds(table(0, 0));
  const upTo = (list: SeedValues[], last: number): SeedValues[] =>
    list.map(({ seed, values: all }) => ({
      seed,
      values: all.filter(({ question }) => Number(question.slice(1)) < last),
    }));
  const found = (last: number) =>
    combineSharesOverSeeds([
      { sign: 1, seeds: upTo(own, last) },
      { sign: -1, isUntrained: true, seeds: upTo(base, last) },
    ]);
  const all = found(8);
  expect(all).toEqual(found(4));
  expect(all.questions).toBe(4);
  expect(range(all.theseQuestions)[0]).toBeLessThan(all.value as number);
  expect(range(all.theseQuestions)[1]).toBeLessThan(0.3);
});

test('the value alone is that of the combination', () => {
  const [several, others, one] = [
    seeds(
      [
        [50, 54],
        [60, 64],
      ],
      [
        [70, 74],
        [80, 84],
      ],
      [[20, 24], [40]],
    ),
    seeds([[10, 20], [30]], [[15], [25, 35]], [[40], [50]]),
    seeds([
      [30, 31],
      [32, 39],
    ]),
  ] as [SeedValues[], SeedValues[], SeedValues[]];
  const cases: SeedArm[][] = [
    [{ sign: 1, seeds: several }],
    [
      { sign: 1, seeds: several },
      { sign: -1, seeds: one },
    ],
    [
      { sign: 1, seeds: one },
      { sign: -1, seeds: seeds([[20], [30, 50]]) },
    ],
    [
      { sign: 1, seeds: several },
      { sign: -1, seeds: others },
      { sign: -1, seeds: one },
      { sign: 1, seeds: one },
    ],
    [
      { sign: 1, seeds: several },
      { sign: -1, seeds: [{ seed: '0', values: [] }] },
    ],
    [
      { sign: 1, seeds: seeds([[1]], [[2]]) },
      { sign: -1, seeds: [{ seed: '0', values: [{ question: 'other', value: 1 }] }] },
    ],
  ];
  const found = cases.map((arms) => valueOverSeeds(arms));
  expect(found).toEqual(cases.map((arms) => combineMeansOverSeeds(arms).value));
  expect(found.map((value) => value === null)).toEqual([false, false, false, false, true, true]);
});

test('with the mean of the questions’ rates, of each seed and of a difference', () => {
  const own = seeds(
    [
      [1, 1],
      [0, 0, 0, 1],
    ],
    [
      [1, 0],
      [1, 1, 1, 0],
    ],
  );
  const reference = seeds(
    [
      [0, 0, 0, 0],
      [1, 0],
    ],
    [
      [0, 1, 0, 0],
      [0, 0],
    ],
  );
  const one = combineSharesOverSeeds([{ sign: 1, seeds: own }], CONFIDENCE, 'question_mean');
  expect(one.points.map(({ value }) => value)).toEqual([(1 + 0.25) / 2, (0.5 + 0.75) / 2]);
  expect(one.value).toBe(0.625);
  const arms = [
    { sign: 1 as const, seeds: own },
    { sign: -1 as const, seeds: reference },
  ];
  const difference = combineSharesOverSeeds(arms, CONFIDENCE, 'question_mean');
  expect(difference.points.map(({ value }) => value)).toEqual([0.625 - 0.25, 0.625 - 0.125]);
  expect(difference.value).toBeCloseTo(0.4375, 12);
  // of all answers of the first seed, three of six
  expect(combineSharesOverSeeds([{ sign: 1, seeds: own }]).points[0]?.value).toBe(0.5);
});
