/**
 * Values of several cells or seeds as those of one.
 */
import type { Clustered } from './estimates';

/** No cell has more samples of a question. */
export const SAMPLES_OF_A_CELL = 2 ** 24;

/** No two lists have a sample of one number: each has `room` for its own. */
export function together(lists: readonly (readonly Clustered[])[], room = SAMPLES_OF_A_CELL): Clustered[] {
  if (lists.length === 1) return [...(lists[0] as readonly Clustered[])];
  return lists.flatMap((values, place) =>
    values.map((value) => (value.sample === undefined ? value : { ...value, sample: place * room + value.sample })),
  );
}
