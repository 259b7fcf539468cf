/**
 * Which further columns of a table of judged answers hold scores, and which only hold numbers: an index, a seed and a count
 * of tokens are numbers too, and a mean of them would stand among the scores.
 */
import { ANSWER_COLUMNS, ID_COLUMN, QUESTION_COLUMNS } from './columns';
import { rawColumn, statusColumn } from './judged-columns';

/** A column of numbers that is no metric, and why. */
export interface LeftOut {
  column: string;
  reason: string;
}

/** Names that are texts or tell rows apart. */
const NAMES = [...QUESTION_COLUMNS, ...ANSWER_COLUMNS, ID_COLUMN, 'id', 'model', 'system_prompt_name'];

/** What tables call a row's number: pandas' two names for an unnamed column, and the usual ones. */
const INDEX = /^$|^unnamed: \d+(\.\d+)?$|^(row_?)?(index|number)$|^row$|^level_\d+$|^idx$/i;

/** Last words of names that say how a row was made or how long it is, never how good it is. */
const BOOKKEEPING =
  /(^|[^a-z])(ids?|idx|index|seed|sample|step|epoch|repeat|tokens?|log_?probs?|logits?|perplexity|loss|temperature|top_?[pk]|chars?|characters|words|length|len|latency|seconds|timestamp|usd)$/i;

/** A column that is never looked at for scores. */
export function isNoScore(name: string, header: readonly string[]): boolean {
  return NAMES.includes(name) || INDEX.test(name.trim()) || isVerdictPart(name, header);
}

/** `NAME_status` and `NAME_raw` beside a column `NAME`, as `flamingo judge` writes them. */
function isVerdictPart(name: string, header: readonly string[]): boolean {
  return header.some((metric) => name === statusColumn(metric) || name === rawColumn(metric));
}

/** Why numbers under this name are no scores; null where the name does not say. */
export function bookkeeping(name: string): string | null {
  return BOOKKEEPING.test(name.replaceAll(/([a-z])([A-Z])/g, '$1_$2').trim())
    ? 'named like a count or a setting'
    : null;
}
