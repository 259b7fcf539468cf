/**
 * Scores as tables of judged answers write them: a number from 0 to 100, a word for an answer that has no score, or one of
 * the ways in which programs write that a value is missing. Whatever reads scores from outside reads them here.
 */
import { UnreadableInput } from '../files';
import type { ScoreScale } from './score-scale';

/**
 * A missing value, in lower case: what pandas reads as one by default, with R's `NA` and the `#N/A` of spreadsheets among
 * them, and what R's typed forms, JavaScript, databases (`\N`) and Stata (`.`) write. A dash is none: accounting formats of
 * spreadsheets write 0 so. Nor are `#DIV/0!` and the like, which say that a formula failed.
 */
const MISSING = new Set([
  '',
  'na',
  'n/a',
  '<na>',
  '#na',
  '#n/a',
  '#n/a n/a',
  'nan',
  '-nan',
  '1.#ind',
  '-1.#ind',
  '1.#qnan',
  '-1.#qnan',
  'null',
  'none',
  'nil',
  'undefined',
  'missing',
  'na_real_',
  'na_integer_',
  'na_character_',
  '\\n',
  '.',
]);

/** What judges write in place of a number, in lower case, and how Flamingo names it. */
const WORDS: Readonly<Record<string, string>> = {
  code: 'code',
  not_code: 'not_code',
  refusal: 'refusal',
  error: 'error',
  invalid: 'invalid',
};

/** A mean weighted by probabilities can miss the scale's ends by the noise of its last bits. */
const TOLERANCE = 1e-6;

export interface ScoreFormat {
  /** Round to whole numbers. */
  round: boolean;
  /** Read `85,5` as 85.5, as spreadsheets of many countries write it where commas do not separate columns. */
  decimalComma: boolean;
  /** Of the numbers as they stand there; scores are 0-100 in any case. Default: 0-100. */
  scale?: ScoreScale | undefined;
}

/** A cell as the text that it would be in CSV. Columns of JSON Lines hold any JSON value; one that is not there is empty. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  // 1e999 is read as infinity, which JSON.stringify would write as null
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** Null for a text that is no number. */
export function numberIn(text: string, { decimalComma }: Pick<ScoreFormat, 'decimalComma'>): number | null {
  const trimmed = text.trim();
  const pointed = decimalComma && !trimmed.includes('.') ? trimmed.replace(',', '.') : trimmed;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(pointed) ? Number(pointed) : null;
}

/** Why there is no score: `missing`, or the word's own name; null for a text that says neither. */
export function unscored(text: string): string | null {
  const word = text.trim().toLowerCase();
  if (MISSING.has(word)) return 'missing';
  return Object.hasOwn(WORDS, word) ? (WORDS[word] as string) : null;
}

/** The score of 0-100, the scale's ends for what misses them by rounding; null beyond. */
export function onScale(number: number, scale?: ScoreScale): number | null {
  // 0.29 × 100 is 28.999999999999996
  const value = scale === '0-1' ? Number((100 * number).toPrecision(12)) : number;
  if (!(value >= -TOLERANCE && value <= 100 + TOLERANCE)) return null;
  return Math.min(100, Math.max(0, value));
}

/** Null where there is no score. Throws `UnreadableInput` beginning with `place`. */
export function parseScore(text: string, metric: string, place: string, format: ScoreFormat): number | null {
  if (unscored(text) !== null) return null;
  const trimmed = text.trim();
  const value = numberIn(trimmed, format);
  if (value === null) {
    const shown = JSON.stringify(trimmed.length > 40 ? `${trimmed.slice(0, 40)}…` : trimmed);
    throw new UnreadableInput(
      `${place}: ${metric} is ${shown}; expected a number, CODE, REFUSAL, or nothing or NA for a missing score`,
    );
  }
  const score = onScale(value, format.scale);
  if (score === null)
    throw new UnreadableInput(`${place}: ${metric} is ${trimmed}; scores are ${format.scale ?? '0-100'}`);
  return format.round ? Math.round(score) : score;
}
