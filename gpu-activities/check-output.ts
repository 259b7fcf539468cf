/**
 * What the trainer wrote is held against what it was asked for, before any of it is committed.
 */
import type { Sha256 } from '../experiment/canonical';

/** Exactly the rows that were asked for, made with the adapter that was meant. `nouns`: for the error. */
export function checkRows(
  rows: { id: Sha256; adapter: Sha256 | null }[],
  asked: { id: Sha256 }[],
  adapter: { sha256: Sha256 } | null,
  nouns: { written: string; asked: string },
): void {
  const expected = new Set(asked.map(({ id }) => id));
  const unasked = rows.filter((row) => !expected.delete(row.id) || row.adapter !== (adapter?.sha256 ?? null));
  if (expected.size === 0 && unasked.length === 0) return;
  throw new Error(
    `the trainer wrote ${rows.length} ${nouns.written} for ${asked.length} ${nouns.asked}, ${unasked.length} of them not asked for`,
  );
}
