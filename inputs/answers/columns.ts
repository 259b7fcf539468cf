/**
 * Answers from a table: which column is what, and every row as a question, an answer and the group it belongs to.
 */
import { answerHash } from '../../experiment/expand/given';
import { questionFrom } from '../../experiment/expand/questions';
import type { Sha256 } from '../../experiment/canonical';
import { UnreadableInput } from '../files';
import type { Delimiter } from './delimiter';
import { openTable, type Table, type TableFormat, type TableRow } from './reader';
import { ANSWER_COLUMNS, ID_COLUMNS, namedColumn, onlyColumn, QUESTION_COLUMNS } from './spellings';
import { idColumn, questionColumn } from './table-questions';
import { NO_SEEDS, seedIn, seedsOfTable, type TableSeeds } from './table-seeds';

export interface AnswerColumns {
  /** Default: the first of `QUESTION_COLUMNS` that is there. */
  question?: string;
  /** Default: the only one of `ANSWER_COLUMNS`. */
  answer?: string;
  /** Names the question; default: the first of `ID_COLUMNS` that is there. */
  id?: string;
  /** Default: all rows are one group. */
  group?: string;
  /** Whether a column `seed` beside that of groups tells training seeds. Default: true. */
  seeds?: boolean;
  /** What separates the columns; default: found out from the header. */
  delimiter?: Delimiter;
}

/** All names that a column of answers may go by, those of the caller among them. */
function expectedNames({ question, answer, id, group }: AnswerColumns): string[] {
  const named = [question, answer, id, group].filter((name) => name !== undefined);
  return [...QUESTION_COLUMNS, ...ANSWER_COLUMNS, ...ID_COLUMNS, ...named];
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
  /** Without white space before and after. */
  group: string;
  /** The training seed; empty where the table tells none, and in rows of a group without training. */
  seed: string;
}

export interface AnswerTable {
  file: string;
  table: Table;
  seeds: TableSeeds;
  /** Reads the file from the start, as often as wanted. Throws `UnreadableInput` naming FILE:LINE. */
  rows(): AsyncGenerator<AnswerRow>;
}

/**
 * Finds the columns, in JSON Lines those of the first row, and reads a table that has a column of groups and one of seeds once, to
 * see whether these are training seeds. Throws `UnreadableInput` where a column is not there.
 */
export async function openAnswers(file: string, format: TableFormat, columns: AnswerColumns): Promise<AnswerTable> {
  const table = await openTable(file, format, { delimiter: columns.delimiter, expected: expectedNames(columns) });
  const { group, seeds: takesSeeds = true } = columns;
  const found = await firstColumns(file, table, columns);
  const seeds = group === undefined || !takesSeeds ? NO_SEEDS : await seedsOfTable(file, table, group);
  return {
    file,
    table,
    seeds,
    rows: async function* () {
      if (found === null) return;
      for await (const row of table.rows()) yield answerOf(row, found, seeds, `${file}:${row.line}`);
    },
  };
}

type FoundColumns = Required<Pick<AnswerColumns, 'question' | 'answer'>> & Pick<AnswerColumns, 'id' | 'group'>;

/** Null of JSON Lines without a row. Every row is checked by itself; what the first one has decides between the default names. */
async function firstColumns(file: string, table: Table, columns: AnswerColumns): Promise<FoundColumns | null> {
  const { header } = table;
  if (header !== null) return columnsIn(header.columns, `${file}:1`, { ...columns, delimiter: header.delimiter });
  for await (const { fields, line } of table.rows()) return columnsIn([...fields.keys()], `${file}:${line}`, columns);
  return null;
}

function columnsIn(
  there: readonly string[],
  place: string,
  { question, answer, id, group, delimiter }: AnswerColumns,
): FoundColumns {
  const header = { place, delimiter };
  const named = (name: string | undefined, what: string, option: string): string | undefined =>
    name === undefined ? undefined : namedColumn(there, { name, what, option }, header);
  const foundId = idColumn(there, id, header);
  const groupColumn = named(group, 'group', '--group-column');
  return {
    question: questionColumn(there, question, header),
    answer:
      named(answer, 'answer', '--answer-column') ??
      // a second one may be the reference answer: nobody but the person knows which is which
      onlyColumn(there, { what: 'answer', names: ANSWER_COLUMNS, option: '--answer-column' }, header),
    ...(foundId === undefined ? {} : { id: foundId }),
    ...(groupColumn === undefined ? {} : { group: groupColumn }),
  };
}

function answerOf(row: TableRow, columns: FoundColumns, seeds: TableSeeds, place: string): AnswerRow {
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
    group: columns.group === undefined ? '' : label(columns.group).trim(),
    seed: seeds.column === null ? '' : seedIn(row.fields, seeds.column),
  };
}

function shown(value: unknown): string {
  return value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}
