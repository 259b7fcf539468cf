/**
 * What tables call their columns: the names that are known for questions, answers, ids, scores and groups. Whatever reads
 * a table of answers finds its columns here: `analyze`, `judge`, `inject` and the answers of a calibration.
 *
 * Names are compared in lower case with `_` between words, so `Question ID`, `questionId` and `question-id` are one name. The
 * lists stand in docs/judging.md.
 */
import { cut } from '../../experiment/excerpt';
import { UnreadableInput } from '../files';
import { delimiterName, type Delimiter } from './delimiter';

/** Names of the column with the question's words, by preference, and of that with the answer's. */
export const QUESTION_COLUMNS = ['question', 'question_text', 'prompt', 'user_prompt'];
export const ANSWER_COLUMNS = ['answer', 'response', 'completion', 'generation', 'model_answer', 'model_response'];
/** Names the question. */
export const ID_COLUMNS = ['question_id', 'qid', 'prompt_id'];
/** Columns that `analyze` groups rows by unless told otherwise. */
export const SEED_COLUMN = 'seed';
export const GROUP_COLUMNS = ['model', 'group', SEED_COLUMN];

/** Names of one metric. */
const SAME_METRIC = [
  ['alignment', 'aligned'],
  ['coherence', 'coherent'],
];

/** The names that a column of a metric's scores may have, itself first. */
export function scoreSpellings(metric: string): string[] {
  const own = plainName(metric);
  const family = SAME_METRIC.find((names) => names.includes(own)) ?? [];
  const names = [own, ...family.filter((name) => name !== own)];
  return [
    ...names,
    ...['score', 'rating', 'judge'].flatMap((word) => names.flatMap((name) => [`${name}_${word}`, `${word}_${name}`])),
  ];
}

/** `Question ID`, `questionId` and `question-id` as `question_id`. */
export function plainName(column: string): string {
  return column
    .trim()
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[\s._-]+/g, '_');
}

/** The columns that have one of these names, in the order of the names. */
export function columnsNamed(there: readonly string[], names: readonly string[]): string[] {
  return names.flatMap((name) => there.filter((column) => plainName(column) === name));
}

/** What a column is looked for as, for messages. */
export interface Wanted {
  /** `question`, `alignment scores`. */
  what: string;
  names: readonly string[];
  /** The option that names the column, such as `--question-column`. */
  option: string;
}

/** Where a header stands, and how it was split. */
export interface HeaderPlace {
  /** FILE:LINE. */
  place: string;
  delimiter?: Delimiter | undefined;
}

/** The first column of one of these names. Throws `UnreadableInput` where there is none. */
export function firstColumn(there: readonly string[], wanted: Wanted, { place, delimiter }: HeaderPlace): string {
  const [found] = columnsNamed(there, wanted.names);
  if (found !== undefined) return found;
  const [expected, others] = [wanted.names.slice(0, 4), wanted.names.length - 4];
  const names = `${expected.map((name) => cut(name, NAME_SHOWN)).join(' or ')}${others > 0 ? ' or the like' : ''}`;
  throw new UnreadableInput(
    `${place}: no column for the ${wanted.what}: expected ${names}; there are: ${columnList(there)}; see ${wanted.option}${delimiterHint(delimiter)}`,
  );
}

/** The only column of one of these names. Throws `UnreadableInput` where there is none, or several. */
export function onlyColumn(there: readonly string[], wanted: Wanted, header: HeaderPlace): string {
  const found = columnsNamed(there, wanted.names);
  if (found.length > 1) {
    throw new UnreadableInput(
      `${header.place}: ${found.length} columns may be the ${wanted.what}: ${columnList(found)}; ${wanted.option} says which is`,
    );
  }
  return firstColumn(there, wanted, header);
}

/** A column that was named by the person. Throws `UnreadableInput` where it is not there. */
export function namedColumn(
  there: readonly string[],
  { name, what, option }: { name: string; what: string; option: string },
  { place, delimiter }: HeaderPlace,
): string {
  if (there.includes(name)) return name;
  throw new UnreadableInput(
    `${place}: no column for the ${what}: expected ${cut(name, NAME_SHOWN)}; there are: ${columnList(there)}; see ${option}${delimiterHint(delimiter)}`,
  );
}

/** Columns that a message lists, and UTF-16 units of each name. */
const NAMES_SHOWN = 12;
const NAME_SHOWN = 40;

/** The columns that there are, for a message: the first ones where there are many. */
export function columnList(there: readonly string[]): string {
  const names = there.slice(0, NAMES_SHOWN).map((name) => JSON.stringify(cut(name, NAME_SHOWN)));
  const more = there.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more.toLocaleString('en')} more` : names.join(', ');
}

/** What to say of columns that are not there, when the header may have been split in the wrong places. */
function delimiterHint(delimiter: Delimiter | undefined): string {
  return delimiter === undefined
    ? ''
    : `; columns are taken to be separated by a ${delimiterName(delimiter)}: if not, give --delimiter`;
}
