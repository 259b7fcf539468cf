/**
 * Values of recipes that were trained under several seeds, and sums and differences of them. The seed is the outer level: a
 * seed's own value is one draw of what the recipe gives, however many answers it has.
 *
 * - **these questions**: Student's t over the seeds' values.
 * - **questions like these**: seeds and questions both vary. The variance is that of the items' values, averaged over seeds,
 *   and what seeds add to it beyond the noise of single questions (the two-way layout with random effects).
 *
 * Recipes that were trained under the same seeds are compared seed by seed: such fine-tunes share their initialisation, the
 * order of their rows and the randomness of their answers. An interval is never narrower than that of the same answers without
 * the level of seeds, which is what holds where no seed has a hit.
 */
import type { ShareEstimator } from '../../experiment/spec';
import { combinedValue, combineMeans, combineShares, scaleOf, type Arm, type Combination } from './combinations';
import { isNothing, itemOf, questionMeanWeights, type Clustered } from './estimates';
import { groupBy } from './grouping';
import {
  around,
  CONFIDENCE,
  estimated,
  notEstimable,
  satterthwaite,
  tReach,
  type Interval,
  type Range,
} from './intervals';
import { SAMPLES_OF_A_CELL, together } from './samples';
import { mean, sd, sum } from './summation';

/** One fine-tune's values. */
export interface SeedValues {
  seed: string;
  values: readonly Clustered[];
}

/** A recipe's values by seed, or those of a single fine-tune or the base model, added or taken off. */
export interface SeedArm {
  sign: 1 | -1;
  /** The base model, or answers from elsewhere: there are no other fine-tunes that it is one of. Default: false. */
  isUntrained?: boolean;
  seeds: readonly SeedValues[];
}

export interface SeedCombination extends Combination {
  /** Each seed's own value, in the order given; empty without several seeds, or where recipes have different ones. */
  points: { seed: string; value: number }[];
  /** Fewest seeds of a recipe that has several; 1 where none has: the intervals are of these fine-tunes alone. */
  seeds: number;
  /** Sides with a single fine-tune where others have several: these recipes' spread is taken for them, too. */
  singles: number;
}

/** Of mean scores, 0-100. */
export function combineMeansOverSeeds(arms: readonly SeedArm[], confidence = CONFIDENCE): SeedCombination {
  return overSeeds(arms, 'pooled', combineMeans, [0, 100], confidence);
}

/** Of shares, 0-1. */
export function combineSharesOverSeeds(
  arms: readonly SeedArm[],
  confidence = CONFIDENCE,
  estimator: ShareEstimator = 'pooled',
): SeedCombination {
  return overSeeds(arms, estimator, combineShares, [0, 1], confidence);
}

/** The value alone, of scores or of shares; null without a common question. */
export function valueOverSeeds(given: readonly SeedArm[], estimator: ShareEstimator = 'pooled'): number | null {
  const arms = given.map(({ sign, seeds }) => ({ sign, seeds: seeds.filter(({ values }) => values.length > 0) }));
  if (arms.every(({ seeds }) => seeds.length < 2))
    return combinedValue(
      arms.map(({ sign, seeds }) => ({ sign, values: seeds[0]?.values ?? [] })),
      estimator,
    );
  const weight = arms.some(({ seeds }) => seeds.length === 0) ? null : weighting(arms, estimator);
  return weight === null ? null : sum(arms.map((arm) => arm.sign * layoutOf(arm, weight).value));
}

function overSeeds(
  given: readonly SeedArm[],
  estimator: ShareEstimator,
  combine: (arms: readonly Arm[], confidence: number, estimator: ShareEstimator) => Combination,
  scale: Range,
  confidence: number,
): SeedCombination {
  const arms = given.map(({ seeds, ...arm }) => ({
    ...arm,
    seeds: seeds.filter(({ values }) => values.length > 0).sort((a, b) => compareSeeds(a.seed, b.seed)),
  }));
  const several = arms.filter(({ seeds }) => seeds.length > 1);
  const paired = several.every(({ seeds }) => haveSameSeeds(seeds, (several[0] as SeedArm).seeds));
  const weight = several.length === 0 || arms.some((arm) => arm.seeds.length === 0) ? null : weighting(arms, estimator);
  const pooled = combine(
    arms.map(({ sign, seeds }) => ({
      sign,
      values: valuesOf(weight === null ? seeds : weighed(seeds, weight), paired),
    })),
    confidence,
    estimator,
  );
  if (several.length === 0 || pooled.value === null) return { ...pooled, points: [], seeds: 1, singles: 0 };
  const seeds = Math.min(...several.map((arm) => arm.seeds.length));
  if (weight === null) {
    const none = notEstimable('no question was answered under every seed');
    return { ...pooled, value: null, theseQuestions: none, questionsLikeThese: none, points: [], seeds, singles: 0 };
  }
  const layouts = arms.map((arm) => layoutOf(arm, weight));
  const value = sum(layouts.map((layout) => layout.sign * layout.value));
  const varying = layouts.filter(({ rows }) => rows.length > 1);
  const groups = paired ? [asOneLayout(varying)] : varying;
  const bySeed = groups.map(overRows);
  const single = layouts.filter(({ rows }) => rows.length === 1);
  const singles = single.filter(({ isUntrained }) => !isUntrained);
  const ofOneSeed = spreadOfOneSeed(varying);
  const oneEach = single.map(({ isUntrained, within }) => (isUntrained ? within : ofOneSeed.whole));
  const beyondQuestions = groups.flatMap((group, index) => {
    const [whole, inner] = [bySeed[index] as Part, interaction(group)];
    return whole.variance > inner.variance ? [whole, { ...inner, variance: -inner.variance }] : [];
  });
  const beyondSingles = ofOneSeed.beyondQuestions.variance > 0 ? singles.map(() => ofOneSeed.beyondQuestions) : [];
  const items = overItems(layouts);
  const ends = scaleOf(arms, scale);
  const atLeast = (own: Interval, parts: readonly Part[]): Interval => {
    const variance = sum(parts.map((part) => part.variance));
    if (own.range === null || isNothing(variance, value)) return own;
    const [low, high] = around(value, tReach(freedomOf(parts), confidence) * Math.sqrt(variance), ends);
    return estimated([Math.min(low, own.range[0]), Math.max(high, own.range[1])]);
  };
  return {
    ...pooled,
    value,
    theseQuestions: atLeast(pooled.theseQuestions, [...bySeed, ...oneEach]),
    questionsLikeThese:
      items === null
        ? pooled.questionsLikeThese
        : atLeast(pooled.questionsLikeThese, [items, ...beyondQuestions, ...beyondSingles]),
    points: paired ? pointsOf(layouts) : [],
    seeds,
    singles: singles.length,
  };
}

const SEEDS_IN_ORDER = new Intl.Collator('en', { numeric: true });

/** Numbers by their value. */
function compareSeeds(a: string, b: string): number {
  return SEEDS_IN_ORDER.compare(a, b);
}

/** What is subtracted makes a variance no better known than the least known of those that are added. */
function freedomOf(parts: readonly Part[]): number {
  const added = parts.filter(({ variance }) => variance > 0).map(({ freedom }) => freedom);
  return Math.max(Math.min(...added), satterthwaite(parts));
}

/** How far a single seed's value lies from its recipe's, over recipes that have several; and what of it is not the questions'. */
function spreadOfOneSeed(layouts: readonly Layout[]): { whole: Part; beyondQuestions: Part } {
  const parts = layouts.map((layout) => {
    const [whole, inner] = [overRows(layout), interaction(layout)];
    const seeds = layout.rows.length;
    return {
      freedom: whole.freedom,
      whole: seeds * whole.variance,
      beyond: seeds * Math.max(0, whole.variance - inner.variance),
    };
  });
  const freedom = sum(parts.map((part) => part.freedom));
  const over = (of: (part: (typeof parts)[number]) => number): number =>
    sum(parts.map((part) => part.freedom * of(part))) / freedom;
  return {
    whole: { variance: over(({ whole }) => whole), freedom },
    beyondQuestions: { variance: over(({ beyond }) => beyond), freedom },
  };
}

function haveSameSeeds(own: readonly SeedValues[], others: readonly SeedValues[]): boolean {
  return own.length === others.length && own.every(({ seed }, index) => seed === others[index]?.seed);
}

/** A seed has several cells where they differ in the seed of sampling. */
const SAMPLES_OF_A_SEED = SAMPLES_OF_A_CELL * 2 ** 8;

/** All seeds' values together. Samples keep their pairs in another arm where both have the same seeds. */
function valuesOf(seeds: readonly SeedValues[], paired: boolean): Clustered[] {
  const all = together(
    seeds.map(({ values }) => values),
    SAMPLES_OF_A_SEED,
  );
  return paired || seeds.length === 1 ? all : all.map(({ sample: _, ...value }) => value);
}

/** The weight of a question in a seed's value, 0-1; null: it takes no part. */
type Weight = (question: string, seed: SeedValues) => number | null;

/**
 * A recipe's own value is the mean over its answers, or over its questions' rates. Several are compared over the questions that all
 * of them answered under every seed, each with the same weight everywhere: its answers of all, or that of its item. Null where
 * there is no such question.
 */
function weighting(arms: readonly SeedArm[], estimator: ShareEstimator): Weight | null {
  const all = arms.flatMap(({ seeds }) => seeds);
  const counts = new Map(all.map((seed) => [seed, answersByQuestion(seed)] as const));
  if (arms.length === 1 && estimator === 'pooled')
    return (question, seed) => (counts.get(seed)?.get(question) ?? 0) / seed.values.length;
  if (arms.length === 1) {
    const weights = new Map(all.map((seed) => [seed, questionMeanWeights(itemsByQuestion(seed))] as const));
    return (question, seed) => weights.get(seed)?.get(question) ?? null;
  }
  const totals = new Map<string, number>();
  const [first] = all;
  for (const question of counts.get(first as SeedValues)?.keys() ?? []) {
    const answers = all.map((seed) => counts.get(seed)?.get(question) ?? 0);
    if (answers.every((count) => count > 0)) totals.set(question, sum(answers));
  }
  if (totals.size === 0) return null;
  if (estimator === 'question_mean') {
    const items = [...itemsByQuestion(first as SeedValues)].filter(([question]) => totals.has(question));
    const weights = questionMeanWeights(new Map(items));
    return (question) => weights.get(question) ?? null;
  }
  const answers = sum([...totals.values()]);
  return (question) => {
    const own = totals.get(question);
    return own === undefined ? null : own / answers;
  };
}

/** The values that the weighted value is made of, so that its interval is about the same questions. */
function weighed(seeds: readonly SeedValues[], weight: Weight): SeedValues[] {
  return seeds.map((own) => ({
    seed: own.seed,
    values: own.values.filter(({ question }) => weight(question, own) !== null),
  }));
}

function answersByQuestion({ values }: SeedValues): Map<string, number> {
  return new Map([...groupBy(values, ({ question }) => question)].map(([question, rows]) => [question, rows.length]));
}

function itemsByQuestion({ values }: SeedValues): Map<string, string> {
  return new Map(values.map((value) => [value.question, itemOf(value)]));
}

/** A variance that was measured with so many degrees of freedom. */
interface Part {
  variance: number;
  freedom: number;
}

interface Layout {
  sign: 1 | -1;
  isUntrained: boolean;
  /** Mean of the seeds' values. */
  value: number;
  points: { seed: string; value: number }[];
  /** Seed by seed, what each item adds to how far the seed's value lies from `value`. */
  rows: Map<string, number>[];
  /** Of the first seed's value, from its answers alone. */
  within: Part;
}

function layoutOf({ sign, isUntrained = false, seeds }: SeedArm, weight: Weight): Layout {
  const questionsOf = (seed: SeedValues) =>
    [...groupBy(seed.values, ({ question }) => question)].flatMap(([question, rows]) => {
      const share = weight(question, seed);
      const values = rows.map(({ value }) => value);
      return share === null ? [] : [{ item: itemOf(rows[0] as Clustered), share, values }];
    });
  const all = seeds.map(questionsOf);
  const points = all.map((questions, index) => ({
    seed: (seeds[index] as SeedValues).seed,
    value: sum(questions.map(({ share, values }) => share * mean(values))),
  }));
  const value = mean(points.map((point) => point.value));
  const rows = all.map((questions) => {
    const items = groupBy(questions, ({ item }) => item);
    const added = (forms: typeof questions): number =>
      sum(forms.map(({ share, values }) => share * (mean(values) - value)));
    return new Map([...items].map(([item, forms]) => [item, added(forms)]));
  });
  return { sign, isUntrained, value, points, rows, within: withinQuestions(all[0] ?? []) };
}

/** Of a value over questions. One with a single answer borrows the others' spread, or where all have one that of all answers. */
function withinQuestions(questions: readonly { share: number; values: readonly number[] }[]): Part {
  const several = questions.filter(({ values }) => values.length > 1);
  const freedom = sum(several.map(({ values }) => values.length - 1));
  const all = questions.flatMap(({ values }) => values);
  const borrowed =
    freedom > 0
      ? sum(several.map(({ values }) => (values.length - 1) * sd(values) ** 2)) / freedom
      : all.length > 1
        ? sd(all) ** 2
        : 0;
  const parts = questions.map(({ share, values }) => {
    const variance = values.length > 1 ? sd(values) ** 2 : borrowed;
    return (share ** 2 * variance) / values.length;
  });
  return { variance: sum(parts), freedom: Math.max(1, freedom > 0 ? freedom : all.length - 1) };
}

/** Layouts of the same seeds as one. */
function asOneLayout(layouts: readonly Layout[]): Pick<Layout, 'rows'> {
  const [first] = layouts as [Layout];
  const rows = first.rows.map((_, seed) => {
    const items = new Set(layouts.flatMap(({ rows: own }) => [...(own[seed] as Map<string, number>).keys()]));
    const added = (item: string): number =>
      sum(layouts.map(({ sign, rows: own }) => sign * (own[seed]?.get(item) ?? 0)));
    return new Map([...items].map((item) => [item, added(item)]));
  });
  return { rows };
}

/** Of the mean of the seeds' values, from their spread. */
function overRows({ rows }: Pick<Layout, 'rows'>): Part {
  const totals = rows.map((row) => sum([...row.values()]));
  return { variance: sd(totals) ** 2 / rows.length, freedom: rows.length - 1 };
}

/** What single questions' noise adds to the variance of the mean: the spread that neither seed nor item explains. */
function interaction({ rows }: Pick<Layout, 'rows'>): Part {
  const items = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const freedom = (rows.length - 1) * (items.length - 1);
  if (freedom === 0) return { variance: 0, freedom: 1 };
  const at = (row: Map<string, number>, item: string): number => row.get(item) ?? 0;
  const ofItem = new Map(items.map((item) => [item, mean(rows.map((row) => at(row, item)))]));
  const ofAll = mean([...ofItem.values()]);
  const squares = rows.flatMap((row) => {
    const ofSeed = mean(items.map((item) => at(row, item)));
    return items.map((item) => (at(row, item) - ofSeed - (ofItem.get(item) as number) + ofAll) ** 2);
  });
  return { variance: (items.length * sum(squares)) / (rows.length * freedom), freedom };
}

/** Of the combined value, from its items' values averaged over seeds; null with one item. */
function overItems(layouts: readonly Layout[]): Part | null {
  const items = [...new Set(layouts.flatMap(({ rows }) => rows.flatMap((row) => [...row.keys()])))];
  if (items.length < 2) return null;
  const deviations = items.map((item) =>
    sum(layouts.map(({ sign, rows }) => sign * mean(rows.map((row) => row.get(item) ?? 0)))),
  );
  const freedom = items.length - 1;
  return { variance: (items.length * sum(deviations.map((value) => value ** 2))) / freedom, freedom };
}

function pointsOf(layouts: readonly Layout[]): { seed: string; value: number }[] {
  const seeds = layouts.find(({ points }) => points.length > 1)?.points ?? [];
  return seeds.map(({ seed }, index) => ({
    seed,
    value: sum(layouts.map(({ sign, points }) => sign * ((points[index] ?? points[0]) as { value: number }).value)),
  }));
}
