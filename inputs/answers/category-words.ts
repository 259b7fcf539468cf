/**
 * Verdicts in words, as tables have them: a column of words, or the columns that `flamingo judge` writes for a metric with categories,
 * where the word stands in `NAME_raw`.
 */
import type { VerdictWords } from '../../experiment/scored-answer';
import { rawColumn, statusColumn } from './judged-columns';
import { unscored } from './scores';

/** Statuses of verdicts that are a category. */
const CATEGORISED = ['categorised', 'scored'];

/** The category of a row, where all verdicts on it say the same; null for none. `text`: what the row has in a column. */
export function categoryOf(text: (column: string) => string, column: string): string | null {
  const status = text(statusColumn(column)).trim();
  if (status !== '') {
    return status.split('+').every((each) => CATEGORISED.includes(each)) ? onlyWord(text(rawColumn(column))) : null;
  }
  const word = text(column).trim();
  const why = unscored(word);
  return why === 'missing' || why === 'refusal' ? null : word;
}

/** Several verdicts are a JSON list. */
function onlyWord(raw: string): string | null {
  const words = new Set(listIn(raw).map((word) => word.trim()));
  const [only = ''] = words;
  return words.size === 1 && only !== '' ? only : null;
}

function listIn(raw: string): string[] {
  if (!raw.trimStart().startsWith('[')) return [raw];
  try {
    const value: unknown = JSON.parse(raw);
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  } catch {
    // a word may begin so
  }
  return [raw];
}

/**
 * Whether a verdict on the row is that the model refused, or that the answer is code. `scores`: columns of scores, where either word may
 * stand in a score's place; `categories`: columns of words, where CODE is a category.
 */
export function declinedBy(
  text: (column: string) => string,
  scores: readonly string[],
  categories: readonly string[],
): VerdictWords['declined'] {
  const said = new Set(
    [...scores, ...categories].flatMap((column) => {
      const status = text(statusColumn(column)).trim();
      if (status !== '') return status.split('+');
      const word = unscored(text(column));
      return word === null || (word === 'code' && categories.includes(column)) ? [] : [word];
    }),
  );
  if (said.has('model_refused') || said.has('refusal')) return 'model_refused';
  return said.has('code') ? 'code' : null;
}
