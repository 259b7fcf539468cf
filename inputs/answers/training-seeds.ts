/**
 * Which column of a table tells the training seeds of its groups, and when it tells none: one rule for `analyze` and `judge`.
 */
import { cut } from '../../experiment/excerpt';
import { UnreadableInput } from '../files';
import { unscored } from './scores';
import { columnsNamed, SEED_COLUMN } from './spellings';

/** Nobody trains so many fine-tunes of a group: a column with more values numbers answers, and tells no training seeds. */
export const MAX_SEEDS = 1000;

/** The column `seed`, unless it makes groups itself. */
export function seedColumn(there: readonly string[], grouping: readonly string[]): string | null {
  const [seed] = columnsNamed(there, [SEED_COLUMN]);
  return seed === undefined || grouping.includes(seed) ? null : seed;
}

/** A row's seed; empty where it has none, in whichever way programs write that a value is missing. */
export function seedOf(text: string): string {
  return unscored(text) === 'missing' ? '' : text.trim();
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

/** Finds groups of which some rows have a seed and others none: the latter would count as one more fine-tune. */
export class SeedGaps {
  /** By group: lines of its first row with a seed and without. */
  private readonly lines = new Map<string, { told: number | null; empty: number | null }>();

  /** `group`: as messages call it. */
  add(group: string, seed: string, line: number): void {
    const known = this.lines.get(group) ?? { told: null, empty: null };
    this.lines.set(group, known);
    if (seed === '') known.empty ??= line;
    else known.told ??= line;
  }

  /** Throws `UnreadableInput` naming FILE:LINE of a row that lacks its seed. */
  refuse(file: string, column: string): void {
    for (const [group, { told, empty }] of this.lines) {
      if (told === null || empty === null) continue;
      throw new UnreadableInput(
        `${file}:${empty}: ${JSON.stringify(column)} is empty, and on line ${told} the same group ${JSON.stringify(cut(group))} has a training seed: ` +
          'fill it in, or pool the rows of each group with --no-seeds',
      );
    }
  }
}
