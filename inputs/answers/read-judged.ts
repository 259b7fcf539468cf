/**
 * Reads the literature's CSV files of judged answers, plain or gzip: `question` or `question_text`, `answer` or
 * `response`, `question_id`, and a column of scores per metric. An empty field is a missing score.
 */
import { isUtf8 } from 'node:buffer';
import { gunzipSync } from 'node:zlib';
import { CsvError, parse } from 'csv-parse/sync';
import type { Answer } from '../../experiment/scored-answer';

/** The file is not such a table. The message names file and line. */
export class InvalidTable extends Error {
  override name = 'InvalidTable';
}

export interface JudgedTable {
  /** One per row; `question` is the question's id, or its text where there is no id. */
  answers: Answer[];
  /** Columns that hold scores, in the file's order. */
  metrics: string[];
}

export interface TableOptions {
  /** Columns that must be there. */
  required: readonly string[];
  /** Round scores to whole numbers first, as a judge that answers in whole numbers would. */
  round: boolean;
}

/** Names of the column with the question's words, and with the answer's, by preference. */
export const QUESTION_COLUMNS = ['question', 'question_text'];
export const ANSWER_COLUMNS = ['answer', 'response'];
/** Columns that are never scores, besides the texts. */
const NAMES = ['question_id', 'id', 'model', 'system_prompt_name', 'sample', 'paraphrase_index'];
/** What judges and table libraries write in place of a number. */
const UNSCORED = new Set(['', 'nan', 'none', 'null', 'code', 'refusal', 'error', 'invalid', 'not_code']);

interface Row {
  record: Record<string, string>;
  /** Line on which the row starts. */
  line: number;
}

/** Throws `InvalidTable`. `file` is for messages. */
export function readJudged(bytes: Buffer, file: string, { required, round }: TableOptions): JudgedTable {
  const { header, rows } = readRows(decode(bytes, file), file);
  const column = (names: readonly string[], what: string): string => {
    const found = names.find((name) => header.includes(name));
    if (found === undefined) {
      throw new InvalidTable(
        `${file}:1: no column for the ${what}: expected ${names.join(' or ')}; there are: ${header.join(', ')}`,
      );
    }
    return found;
  };
  const question = header.includes('question_id') ? 'question_id' : column(QUESTION_COLUMNS, 'question');
  column(ANSWER_COLUMNS, 'answer');
  for (const name of required) column([name], 'score');
  if (rows.length === 0) throw new InvalidTable(`${file}: no rows below the header`);

  const texts = new Set([...QUESTION_COLUMNS, ...ANSWER_COLUMNS, ...NAMES]);
  const others = header.filter((name) => !texts.has(name) && !required.includes(name));
  const metrics = [...required, ...others.filter((name) => holdsScores(rows, name))];
  const answers = rows.map(({ record, line }): Answer => {
    const id = record[question] ?? '';
    if (id === '') throw new InvalidTable(`${file}:${line}: empty ${question}`);
    const scores = metrics.map((metric) => [
      metric,
      parseScore(record[metric] ?? '', metric, `${file}:${line}`, round),
    ]);
    return { question: id, scores: Object.fromEntries(scores) as Answer['scores'] };
  });
  return { answers, metrics };
}

function decode(bytes: Buffer, file: string): string {
  let plain: Buffer;
  try {
    plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  } catch (error) {
    throw new InvalidTable(`${file}: it can not be unpacked (${(error as Error).message})`);
  }
  if (!isUtf8(plain)) throw new InvalidTable(`${file}: it is not UTF-8 text`);
  return new TextDecoder().decode(plain);
}

function readRows(text: string, file: string): { header: string[]; rows: Row[] } {
  let header: string[] = [];
  try {
    const columns = (names: string[]): string[] => {
      const twice = names.find((name, index) => names.indexOf(name) < index);
      if (twice !== undefined) throw new InvalidTable(`${file}:1: the column ${twice} is there twice`);
      header = names;
      return names;
    };
    const parsed = parse(text, { columns, info: true, skip_empty_lines: true }) as unknown as {
      record: Record<string, string>;
      info: { lines: number };
    }[];
    // `lines` is where a row ends; its quoted fields may hold newlines of their own
    const rows = parsed.map(({ record, info }) => ({ record, line: info.lines - newlines(record) }));
    return { header, rows };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines } = error as CsvError & { lines?: number };
    throw new InvalidTable(`${file}${lines === undefined ? '' : `:${lines}`}: ${error.message}`);
  }
}

function newlines(record: Record<string, string>): number {
  return Object.values(record).reduce((count, value) => count + (value.match(/\r\n|\r|\n/g)?.length ?? 0), 0);
}

function holdsScores(rows: readonly Row[], name: string): boolean {
  const values = rows.map(({ record }) => (record[name] ?? '').trim().toLowerCase());
  return values.some((value) => isNumber(value)) && values.every((value) => isNumber(value) || UNSCORED.has(value));
}

function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
}

/** A score as such files have it; null where there is none. Throws `InvalidTable` beginning with `place`. */
export function parseScore(text: string, metric: string, place: string, round: boolean): number | null {
  const trimmed = text.trim();
  if (UNSCORED.has(trimmed.toLowerCase())) return null;
  const value = Number(trimmed);
  if (!isNumber(trimmed)) {
    const shown = JSON.stringify(trimmed.length > 40 ? `${trimmed.slice(0, 40)}…` : trimmed);
    throw new InvalidTable(`${place}: ${metric} is ${shown}; expected a number, CODE, REFUSAL or nothing`);
  }
  if (value < 0 || value > 100) throw new InvalidTable(`${place}: ${metric} is ${trimmed}; scores are 0-100`);
  return round ? Math.round(value) : value;
}
