/**
 * Which rows are held out. Explicit, seeded, and decided by content.
 *
 * Rows are put in the order of SHA-256(`split|SEED|SHA-256 of the row|OCCURRENCE`), where OCCURRENCE counts equal rows
 * from 0; the first n are held out. So the same rows are held out wherever they stand in the file, on every platform,
 * and training seeds have no part in it. Training rows keep the order of the file, and so do the held-out ones.
 *
 * With `method: train_test_split` the order is that of Hugging Face's function of that name instead, which goes by the
 * rows' places in the file: the split of the literature's code.
 */
import { withoutSystem } from '../asked';
import { sha256 } from '../canonical';
import { rowHash, type DatasetRow } from './dataset';
import { numpyPermutation } from './numpy-permutation';
import type { HoldOut } from '../spec';

export interface SplitRow extends DatasetRow {
  /** Row number in the dataset, from 1: the line of a file without empty lines. */
  number: number;
}

export interface Split {
  training: SplitRow[];
  heldOut: SplitRow[];
}

/** Rows held out of `total`: a fraction is rounded up, as in scikit-learn and `datasets` (7,049 at 0.1 is 705). */
export function heldOutCount(holdOut: HoldOut | null, total: number): number {
  if (holdOut === null) return 0;
  if (holdOut.rows !== null) return holdOut.rows;
  return Math.ceil((holdOut.fraction as number) * total - 1e-9);
}

/** `trainingRows`: use only so many of the rows that are not held out, the next in the same order; null = all. */
export function splitRows(rows: readonly DatasetRow[], holdOut: HoldOut | null, trainingRows: number | null): Split {
  const numbered = rows.map((row, index) => ({ ...row, number: index + 1 }));
  const out = heldOutCount(holdOut, rows.length);
  const ordered =
    holdOut?.method === 'train_test_split'
      ? numpyPermutation(holdOut.seed, rows.length).map((index) => numbered[index] as SplitRow)
      : inSeededOrder(numbered, 'split', holdOut?.seed ?? 0);
  const wanted = trainingRows ?? rows.length;
  return { heldOut: inFileOrder(ordered.slice(0, out)), training: inFileOrder(ordered.slice(out, out + wanted)) };
}

/**
 * `wanted` of the held-out rows, in file order, chosen by a seed of their own; the same in every cell. Of rows that ask
 * the same words only the first in that order counts: one question has one key. Rows without a user turn ask nothing.
 * `system`: as in `askedOf`.
 */
export function heldOutQuestions(
  heldOut: readonly SplitRow[],
  wanted: number | 'all',
  seed: number,
  system?: 'keep',
): SplitRow[] {
  const distinct = distinctRows(heldOut.filter(asksSomething), seed, system);
  return inFileOrder(wanted === 'all' ? distinct : distinct.slice(0, wanted));
}

/**
 * At most `wanted` of the held-out rows, chosen likewise, for the loss on them; also those that ask nothing. Returns what
 * chooses: each configuration of a grid wants a number of its own.
 */
export function watchedRows(heldOut: readonly SplitRow[]): (wanted: number) => SplitRow[] {
  const distinct = distinctRows(heldOut, 0, 'keep');
  return (wanted) => inFileOrder(distinct.slice(0, wanted));
}

/** In the seed's order. */
function distinctRows(rows: readonly SplitRow[], seed: number, system: 'keep' | undefined): SplitRow[] {
  const seen = new Set<string>();
  return inSeededOrder(rows, 'questions', seed).filter((row) => {
    const words = wordsAsked(row, system);
    return !seen.has(words) && seen.add(words);
  });
}

/** Equal for rows that ask the same, whatever they answer; of a row that asks nothing the row itself. `system`: as in `askedOf`. */
export function wordsAsked(row: DatasetRow, system?: 'keep'): string {
  return asksSomething(row) ? JSON.stringify(askedOf(row, system)) : row.line;
}

function asksSomething({ messages }: DatasetRow): boolean {
  return messages.some(({ role }) => role === 'user');
}

/**
 * What a held-out row asks: its conversation up to the answer, without a system message of its own, which would be asked
 * under the name of a condition that is another prompt. `keep`: with it.
 */
export function askedOf(row: DatasetRow, system: 'keep' | undefined): DatasetRow['messages'] {
  return system === 'keep' ? promptOf(row) : withoutSystem(promptOf(row));
}

/** The conversation up to the answer that the row trains: everything before its last turn. */
export function promptOf(row: DatasetRow): DatasetRow['messages'] {
  return row.messages.slice(0, -1);
}

/** Rows in the order of SHA-256(`PURPOSE|SEED|SHA-256 of the row|OCCURRENCE`): by content, wherever they stand. */
export function inSeededOrder(rows: readonly SplitRow[], purpose: string, seed: number): SplitRow[] {
  const occurrences = new Map<string, number>();
  return rows
    .map((row) => {
      const content = rowHash(row);
      const occurrence = occurrences.get(content) ?? 0;
      occurrences.set(content, occurrence + 1);
      return { row, order: sha256(`${purpose}|${seed}|${content}|${occurrence}`) };
    })
    .sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    .map(({ row }) => row);
}

function inFileOrder(rows: SplitRow[]): SplitRow[] {
  return rows.sort((a, b) => a.number - b.number);
}
