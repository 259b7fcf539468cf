/**
 * What is wrong with an experiment, by its place in the file's structure; parse.ts turns it into line and column.
 */
import { cut, cutMessage, firstOf } from './excerpt';

export type Path = readonly (string | number)[];

export interface Issue {
  path: Path;
  message: string;
  hint?: string;
  /** Point at the key rather than its value. */
  atKey?: boolean;
}

/** Issues that are looked at: each is searched for in the file. One with more is wrong as a whole. */
export const MOST_ISSUES = 200;

/** An experiment that can not be planned, for a reason that only its inputs could show. */
export class InvalidExperiment extends Error {
  override name = 'InvalidExperiment';
  readonly issue: Issue;

  constructor(path: Path, message: string, hint?: string) {
    super(hint === undefined ? cutMessage(message) : `${cutMessage(message)} (${hint})`);
    this.issue = { path, message: cutMessage(message), ...(hint === undefined ? {} : { hint }) };
  }
}

/** UTF-16 units; what is longer is no mistyped word, and each comparison takes this times the other's length. */
const LONGEST_WORD = 100;

/** The closest of `known` to a mistyped `word`, or null when none is close. */
export function closest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  if (word.length > LONGEST_WORD) return null;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    if (candidate.length > LONGEST_WORD) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Names in a list of what there is. */
const MOST_NAMED = 20;

/** "did you mean …?", or the list of what there is. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = closest(word, known);
  if (near !== null) return `did you mean \`${near}\`?`;
  if (known.length === 0) return 'there are none';
  return `known: ${firstOf(
    known.map((candidate) => `\`${cut(candidate)}\``),
    MOST_NAMED,
    '',
  )
    .join(', ')
    .trimEnd()}`;
}

/** Levenshtein distance, with a swap of neighbours as one step. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const above = rows[i - 1] as number[];
      const substituted = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min((above[j] as number) + 1, (row[j - 1] as number) + 1, substituted);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, ((rows[i - 2] as number[])[j - 2] as number) + 1);
      }
      row.push(least);
    }
    rows.push(row);
  }
  return (rows[a.length] as number[])[b.length] as number;
}
