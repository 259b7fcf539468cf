/**
 * Answers from a table: which column is what, and every row as a question, an answer and the group it belongs to.
 */
import { answerHash } from '../../experiment/expand/given';
import { questionFrom } from '../../experiment/expand/questions';
import type { Sha256 } from '../../experiment/canonical';
import { cut } from '../../experiment/excerpt';
import { UnreadableInput } from '../files';
import { delimiterName, type Delimiter } from './delimiter';
import { openTable, type Table, type TableFormat, type TableRow } from './reader';

/** Names of the column with the question's words, and with the answer's, by preference. */
export const QUESTION_COLUMNS = ['question', 'question_text'];
export const ANSWER_COLUMNS = ['answer', 'response'];
/** Names the question. */
export const ID_COLUMN = 'question_id';

export interface AnswerColumns {
  /** Default: `question` or `question_text`. */
  question?: string;
  /** Default: `answer` or `response`. */
  answer?: string;
  /** Names the question; default `question_id` where there is one. */
  id?: string;
  /** Default: all rows are one group. */
  group?: string;
  /** What separates the columns; default: found out from the header. */
  delimiter?: Delimiter;
}

/** All names that a column of answers may go by, those of the caller among them. */
function expectedNames({ question, answer, id, group }: AnswerColumns): string[] {
  const named = [question, answer, id, group].filter((name) => name !== undefined);
  return [...QUESTION_COLUMNS, ...ANSWER_COLUMNS, ID_COLUMN, ...named];
}

/** What to say of columns that are not there, when the header may have been split in the wrong places. */
export function delimiterHint(delimiter: Delimiter | undefined): string {
  return delimiter === undefined
    ? ''
    : `; columns are taken to be separated by a ${delimiterName(delimiter)}: if not, give --delimiter`;
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

export interface AnswerRow {
  row: TableRow;
  question: string;
  /** Key of the question's words. */
  questionKey: Sha256;
  answer: string;
  answerHash: Sha256;
  /** The question's id as the file has it; null without one. */
  id: string | null;
  group: string;
}

export interface AnswerTable {
  file: string;
  table: Table;
  /** Reads the file from the start, as often as wanted. Throws `UnreadableInput` naming FILE:LINE. */
  rows(): AsyncGenerator<AnswerRow>;
}

export async function openAnswers(file: string, format: TableFormat, columns: AnswerColumns): Promise<AnswerTable> {
  const table = await openTable(file, format, { delimiter: columns.delimiter, expected: expectedNames(columns) });
  return {
    file,
    table,
    rows: async function* () {
      const { header } = table;
      let found =
        header === null ? null : columnsIn(header.columns, `${file}:1`, { ...columns, delimiter: header.delimiter });
      for await (const row of table.rows()) {
        // every line of JSON Lines is checked by itself; what the first one has decides between the default names
        found ??= columnsIn([...row.fields.keys()], `${file}:${row.line}`, columns);
        yield answerOf(row, found, `${file}:${row.line}`);
      }
    },
  };
}

type FoundColumns = Required<Pick<AnswerColumns, 'question' | 'answer'>> & Pick<AnswerColumns, 'id' | 'group'>;

function columnsIn(
  there: readonly string[],
  place: string,
  { question, answer, id, group, delimiter }: AnswerColumns,
): FoundColumns {
  const column = (names: readonly string[], what: string, option: string): string => {
    const found = names.find((name) => there.includes(name));
    if (found !== undefined) return found;
    throw new UnreadableInput(
      `${place}: no column for the ${what} (${names.map((name) => cut(name, NAME_SHOWN)).join(' or ')}); there are: ${columnList(there)}; see ${option}${delimiterHint(delimiter)}`,
    );
  };
  const named = (name: string | undefined, what: string, option: string): string | undefined =>
    name === undefined ? undefined : column([name], what, option);
  const idColumn = named(id, 'id', '--id-column') ?? (there.includes(ID_COLUMN) ? ID_COLUMN : undefined);
  const groupColumn = named(group, 'group', '--group-column');
  return {
    question: column(question === undefined ? QUESTION_COLUMNS : [question], 'question', '--question-column'),
    answer: column(answer === undefined ? ANSWER_COLUMNS : [answer], 'answer', '--answer-column'),
    ...(idColumn === undefined ? {} : { id: idColumn }),
    ...(groupColumn === undefined ? {} : { group: groupColumn }),
  };
}

function answerOf(row: TableRow, columns: FoundColumns, place: string): AnswerRow {
  const text = (name: string): string => {
    const value = row.fields.get(name);
    if (typeof value === 'string') return value;
    throw new UnreadableInput(
      `${place}: ${JSON.stringify(name)} ${row.fields.has(name) ? `is ${shown(value)}: expected a text` : 'is missing'}`,
    );
  };
  const label = (name: string): string => {
    const value = row.fields.get(name);
    return typeof value === 'number' || typeof value === 'boolean' ? String(value) : text(name);
  };
  const question = text(columns.question);
  if (question === '') throw new UnreadableInput(`${place}: ${JSON.stringify(columns.question)} is empty`);
  const answer = text(columns.answer);
  return {
    row,
    question,
    questionKey: questionFrom('', [{ role: 'user', content: question }]).key,
    answer,
    answerHash: answerHash(answer),
    id: columns.id === undefined ? null : label(columns.id),
    group: columns.group === undefined ? '' : label(columns.group),
  };
}

function shown(value: unknown): string {
  return value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}
