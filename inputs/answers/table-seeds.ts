/**
 * The training seeds of a table that is to be judged: seen before its rows are planned, because each seed of a group becomes a
 * configuration of its own.
 */
import type { Table } from './reader';
import { MAX_GROUPS } from './row-groups';
import { textOf } from './scores';
import { MAX_SEEDS, seedColumn, seedsAmong, type SeedsLeftOut } from './training-seeds';

export interface TableSeeds {
  /** The column that tells training seeds, of which some group has several; null: there is none. */
  column: string | null;
  /** A column with more than `MAX_SEEDS` values, or of more groups and seeds than a table may have configurations. */
  leftOut: (SeedsLeftOut & { configurations: number }) | null;
}

export const NO_SEEDS: TableSeeds = { column: null, leftOut: null };

/** The seeds beside a column of groups. Reads the table once; without a column of seeds, of JSON Lines only the first row. */
export async function seedsOfTable(table: Table, group: string): Promise<TableSeeds> {
  const { header } = table;
  const inHeader = header === null ? null : seedColumn(header.columns, [group]);
  if (header !== null && inHeader === null) return NO_SEEDS;
  let column = inHeader;
  const values = new Set<string>();
  const seedsOf = new Map<string, Set<string>>();
  for await (const { fields } of table.rows()) {
    column ??= seedColumn([...fields.keys()], [group]);
    if (column === null) return NO_SEEDS;
    const seed = seedIn(fields, column);
    const own = textOf(fields.get(group));
    const known = seedsOf.get(own);
    values.add(seed);
    if (known === undefined) seedsOf.set(own, new Set([seed]));
    else known.add(seed);
  }
  if (column === null || [...seedsOf.values()].every(({ size }) => size < 2)) return NO_SEEDS;
  const count = seedsAmong(values);
  const configurations = [...seedsOf.values()].reduce((sum, { size }) => sum + size, 0);
  return count > MAX_SEEDS || configurations > MAX_GROUPS
    ? { column: null, leftOut: { column, count, configurations } }
    : { column, leftOut: null };
}

/** A row's seed; empty where it has none. */
export function seedIn(fields: ReadonlyMap<string, unknown>, column: string): string {
  return textOf(fields.get(column)).trim();
}
