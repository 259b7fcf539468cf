/**
 * Scores as tables of judged answers write them: a number from 0 to 100, or one of the words for a missing one.
 */
import { UnreadableInput } from '../files';

/** What judges and table libraries write in place of a number. */
const UNSCORED = new Set(['', 'nan', 'none', 'null', 'code', 'refusal', 'error', 'invalid', 'not_code']);

export function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim());
}

export function isUnscored(text: string): boolean {
  return UNSCORED.has(text.trim().toLowerCase());
}

/** Null where there is no score. Throws `UnreadableInput` beginning with `place`. */
export function parseScore(text: string, metric: string, place: string, round: boolean): number | null {
  if (isUnscored(text)) return null;
  const trimmed = text.trim();
  if (!isNumber(trimmed)) {
    const shown = JSON.stringify(trimmed.length > 40 ? `${trimmed.slice(0, 40)}…` : trimmed);
    throw new UnreadableInput(`${place}: ${metric} is ${shown}; expected a number, CODE, REFUSAL or nothing`);
  }
  const value = Number(trimmed);
  if (value < 0 || value > 100) throw new UnreadableInput(`${place}: ${metric} is ${trimmed}; scores are 0-100`);
  return round ? Math.round(value) : value;
}
