/**
 * Which columns of a table of judged answers hold scores: those that are asked for, found by the names that the metric goes by
 * unless one is told, and which further ones are metrics too. An index, a seed and a count of tokens are numbers as well, and a
 * mean of them would stand among the scores.
 */
import { rawColumn, statusColumn } from './judged-columns';
import {
  ANSWER_COLUMNS,
  columnsNamed,
  GROUP_COLUMNS,
  ID_COLUMNS,
  namedColumn,
  onlyColumn,
  plainName,
  QUESTION_COLUMNS,
  scoreSpellings,
  type HeaderPlace,
} from './spellings';

/** A metric whose scores a table must have. */
export interface WantedScores {
  metric: string;
  /** Default: the only column that goes by a name of the metric. */
  column?: string | undefined;
  /** The table may lack it. */
  optional?: boolean;
}

/** The column of a metric's scores; null where an optional one has none. Throws `UnreadableInput` where there is none, or several may be it. */
export function scoreColumn(
  there: readonly string[],
  { metric, column, optional = false }: WantedScores,
  header: HeaderPlace,
): string | null {
  if (column !== undefined) return namedColumn(there, { name: column, what: 'score', option: '--score' }, header);
  const names = scoreSpellings(metric);
  if (optional && columnsNamed(there, names).length === 0) return null;
  const found = columnsNamed(there, names).length > 0;
  const option = `--score ${metric}=COLUMN${found ? '' : otherRule(there)}`;
  return onlyColumn(there, { what: `${metric} scores`, names, option }, header);
}

/** A table that `flamingo judge` wrote has metrics of any name, which a rule of one's own may be about. */
function otherRule(there: readonly string[]): string {
  const metric = there.find((name) => there.includes(statusColumn(name)));
  if (metric === undefined) return '';
  return `, or --misaligned FILE with \`where: { ${JSON.stringify(metric).slice(1, -1)}: … }\``;
}

/** A column of numbers that is no metric, and why. */
export interface LeftOut {
  column: string;
  reason: string;
}

/** Names that are texts or tell rows apart. */
const NAMES = [
  ...QUESTION_COLUMNS,
  ...ANSWER_COLUMNS,
  ...ID_COLUMNS,
  ...GROUP_COLUMNS.filter((name) => name !== 'seed'),
  ...['id', 'system_prompt_name', 'condition', 'configuration', 'checkpoint'],
];

/** What tables call a row's number: pandas' two names for an unnamed column, R's, and the usual ones. */
const INDEX =
  /^$|^unnamed: \d+(\.\d+)?$|^(row_?)?(index|number|names?)$|^rownames$|^row$|^level_\d+$|^idx$|^x(\.\d+)?$/i;

/** Last words of names that say how a row was made or how long it is, never how good it is. */
const LAST_WORDS = [
  ...['ids?', 'idx', 'index', 'seed', 'sample', 'step', 'epoch', 'repeat', 'rep', 'run', 'fold', 'trial', 'attempt'],
  ...['iter', 'iteration', 'tokens?', 'count', 'n', 'no', 'num', 'number', 'rank', 'layer', 'position', 'order'],
  ...['log_?probs?', 'logits?', 'perplexity', 'loss', 'lr', 'learning_?rate', 'temperature', 'top_?[pk]', 'batch'],
  ...['size', 'alpha', 'beta', 'chars?', 'characters', 'words', 'length', 'len', 'latency', 'seconds', 'duration'],
  ...['time', 'timestamp', 'date', 'year', 'usd', 'cost', 'price', 'version'],
];
const BOOKKEEPING = new RegExp(
  `(^|[^a-z])(${LAST_WORDS.join('|')})$|^(n|num|max|min|is|has|was)_|^(tokens?|seed|step|epoch)_?\\d+$`,
);

/** A column that is never looked at for scores. */
export function isNoScore(name: string, header: readonly string[]): boolean {
  return NAMES.includes(plainName(name)) || INDEX.test(name.trim()) || isVerdictPart(name, header);
}

/** `NAME_status` and `NAME_raw` beside a column `NAME`, as `flamingo judge` writes them. */
function isVerdictPart(name: string, header: readonly string[]): boolean {
  return header.some((metric) => name === statusColumn(metric) || name === rawColumn(metric));
}

/** Why numbers under this name are no scores; null where the name does not say. */
export function bookkeeping(name: string): string | null {
  return BOOKKEEPING.test(plainName(name)) ? 'named like a count or a setting' : null;
}
