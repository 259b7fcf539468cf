/**
 * 95 % intervals by the cluster bootstrap (Davison and Hinkley 1997, 3.8): items are drawn with replacement, each with all that
 * belongs to it, since answers to one question are not independent. What is drawn are sums, not answers: every measure here is a
 * function of some sums over items, so that a draw costs as much as there are items.
 *
 * The draws come from a fixed seed and the items are put in order first, so that equal rows give equal intervals in whatever
 * order they come.
 */
import { draws } from '../../stand-in/seeded';
import { around, estimated, notEstimable, tReach, type Interval, type Range } from './intervals';
import { sd } from './summation';

/** Draws of every interval. */
export const DRAWS = 1000;
const SEED = 1;

/**
 * Of more items the draws are of so many groups, into which the items are dealt at random: the spread of a sum over random
 * groups is that over items, and an interval's width is right to some 2 %.
 */
const MOST_CLUSTERS = 1000;

/** Share of draws without a value, as where a word does not occur any more, above which there is no interval. */
const MOST_UNDEFINED = 0.05;

/** What one item adds to the sums: amounts by their place in the vector of sums, none of them twice. */
export interface ItemSums {
  /** Unique. */
  item: string;
  amounts: ReadonlyMap<number, number>;
}

/** A measure as a function of the sums over items; null where it is not defined. */
export type Statistic = (sums: Float64Array) => number | null;

/** What the draws make of one measure. */
export interface Resampled {
  items: number;
  /** Its values in the draws where it is defined. */
  values: readonly number[];
}

/** One entry per statistic, in their order. `size`: length of the vector of sums. */
export function resample(items: readonly ItemSums[], size: number, statistics: readonly Statistic[]): Resampled[] {
  const random = draws(SEED);
  const { starts, places, amounts } = clustersOf(items, random);
  const clusters = starts.length - 1;
  const values = statistics.map((): number[] => []);
  const sums = new Float64Array(size);
  for (let draw = 0; draw < DRAWS; draw += 1) {
    sums.fill(0);
    for (let drawn = 0; drawn < clusters; drawn += 1) {
      const cluster = Math.floor(random() * clusters);
      const end = starts[cluster + 1] as number;
      for (let at = starts[cluster] as number; at < end; at += 1) sums[places[at] as number]! += amounts[at] as number;
    }
    statistics.forEach((statistic, index) => {
      const value = statistic(sums);
      if (value !== null) values[index]?.push(value);
    });
  }
  return values.map((own) => ({ items: items.length, values: own }));
}

/** The sums over all items. */
export function total(items: readonly ItemSums[], size: number): Float64Array {
  const sums = new Float64Array(size);
  for (const { amounts } of inOrder(items)) for (const [place, amount] of amounts) sums[place]! += amount;
  return sums;
}

/**
 * Student's t around an `estimate`, with the draws' standard deviation as its error, cut at the scale's ends. Percentiles of the
 * draws would be too narrow: few items vary less among themselves than those that they stand for, and an alpha of few items is
 * drawn too low. Not estimable with one item, where more than a draw in twenty has no value, and where all draws have the same.
 */
export function bootstrapInterval({ items, values }: Resampled, estimate: number, scale: Range): Interval {
  if (items < 2) return notEstimable(items === 0 ? 'no answer' : 'only one question');
  const undefinedShare = 1 - values.length / DRAWS;
  if (undefinedShare > MOST_UNDEFINED) {
    return notEstimable(`not defined in ${Math.round(100 * undefinedShare)} % of the draws: too few questions differ`);
  }
  const error = sd(values) * Math.sqrt(items / (items - 1));
  return error <= 1e-9 ? notEstimable(NO_VARIANCE) : estimated(around(estimate, tReach(items - 1) * error, scale));
}

/** Why there is no interval where all draws have the same value. */
export const NO_VARIANCE = 'no variance: every question has the same';

function inOrder(items: readonly ItemSums[]): ItemSums[] {
  return [...items].sort((a, b) => (a.item < b.item ? -1 : 1));
}

/** Cluster c has the amounts from `starts[c]` up to `starts[c + 1]`. */
interface Clusters {
  starts: Uint32Array;
  places: Uint32Array;
  amounts: Float64Array;
}

function clustersOf(items: readonly ItemSums[], random: () => number): Clusters {
  const ordered = inOrder(items);
  const groups = Math.min(ordered.length, MOST_CLUSTERS);
  if (groups < ordered.length) shuffle(ordered, random);
  const sums = Array.from({ length: groups }, () => new Map<number, number>());
  ordered.forEach(({ amounts }, index) => {
    const own = sums[index % groups] as Map<number, number>;
    for (const [place, amount] of amounts) own.set(place, (own.get(place) ?? 0) + amount);
  });
  const starts = new Uint32Array(groups + 1);
  sums.forEach(({ size }, index) => (starts[index + 1] = (starts[index] as number) + size));
  return {
    starts,
    places: Uint32Array.from(sums.flatMap((own) => [...own.keys()])),
    amounts: Float64Array.from(sums.flatMap((own) => [...own.values()])),
  };
}

/** Fisher and Yates. */
function shuffle(items: ItemSums[], random: () => number): void {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other] as ItemSums, items[last] as ItemSums];
  }
}
