/**
 * Which column of a table tells the training seeds of its groups, and when it tells none: one rule for `analyze` and `judge`.
 */
import { columnsNamed, SEED_COLUMN } from './spellings';

/** Nobody trains so many fine-tunes of a group: a column with more values numbers answers, and tells no training seeds. */
export const MAX_SEEDS = 1000;

/** The column `seed`, unless it makes groups itself. */
export function seedColumn(there: readonly string[], grouping: readonly string[]): string | null {
  const [seed] = columnsNamed(there, [SEED_COLUMN]);
  return seed === undefined || grouping.includes(seed) ? null : seed;
}

/** Training seeds among such a column's values; 0 where all rows have the same. An empty one is that of a group without training. */
export function seedsAmong(values: ReadonlySet<string>): number {
  return values.size < 2 ? 0 : values.size - (values.has('') ? 1 : 0);
}

/** A column of seeds whose rows are pooled all the same. */
export interface SeedsLeftOut {
  column: string;
  /** Of its values. */
  count: number;
}
