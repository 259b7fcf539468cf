/**
 * The training seeds of a table that is to be judged: seen before its rows are planned, because each seed of a group becomes a
 * configuration of its own.
 */
import type { Table } from './reader';
import { MAX_GROUPS } from './row-groups';
import { textOf } from './scores';
import { MAX_SEEDS, seedColumn, SeedGaps, seedOf, seedsAmong, type SeedsLeftOut } from './training-seeds';

export interface TableSeeds {
  /** The column that tells training seeds, of which some group has several; null: there is none. */
  column: string | null;
  /** A column with more than `MAX_SEEDS` values, or of more groups and seeds than a table may have configurations. */
  leftOut: (SeedsLeftOut & { configurations: number }) | null;
}

export const NO_SEEDS: TableSeeds = { column: null, leftOut: null };

/**
 * The seeds beside a column of groups. Reads the table once, but for CSV whose header names no seeds. In JSON Lines a row without the
 * key has an empty seed, also before the first row that has it. Throws `UnreadableInput` for a group with seeds of which a row has none.
 */
export async function seedsOfTable(file: string, table: Table, group: string): Promise<TableSeeds> {
  const { header } = table;
  let column = header === null ? null : seedColumn(header.columns, [group]);
  if (header !== null && column === null) return NO_SEEDS;
  const values = new Set<string>();
  const seedsOf = new Map<string, Set<string>>();
  const gaps = new SeedGaps();
  const seen = new Set<string>();
  for await (const { fields, line } of table.rows()) {
    if (column === null) {
      const fresh = [...fields.keys()].filter((name) => seen.size < seen.add(name).size);
      column = seedColumn(fresh, [group]);
    }
    const seed = column === null ? '' : seedIn(fields, column);
    const own = textOf(fields.get(group)).trim();
    const known = seedsOf.get(own);
    values.add(seed);
    gaps.add(own, seed, line);
    if (known === undefined) seedsOf.set(own, new Set([seed]));
    else known.add(seed);
  }
  if (column === null || [...seedsOf.values()].every(({ size }) => size < 2)) return NO_SEEDS;
  const count = seedsAmong(values);
  const configurations = [...seedsOf.values()].reduce((sum, { size }) => sum + size, 0);
  if (count > MAX_SEEDS || configurations > MAX_GROUPS)
    return { column: null, leftOut: { column, count, configurations } };
  gaps.refuse(file, column);
  return { column, leftOut: null };
}

/** A row's seed; empty where it has none. */
export function seedIn(fields: ReadonlyMap<string, unknown>, column: string): string {
  return seedOf(textOf(fields.get(column)));
}
