/**
 * Reads the literature's tables of judged answers, and those that `flamingo judge` writes: `question` or `question_text`,
 * `answer` or `response`, `question_id`, and a column of scores per metric.
 *
 * Only the columns that are asked for must hold scores. A further column of numbers is a metric when all of them are on the
 * scale and its name does not say otherwise; it never refuses a file.
 */
import { itemOf, type Answer } from '../../experiment/scored-answer';
import { UnreadableInput } from '../files';
import { ANSWER_COLUMNS, columnList, delimiterHint, ID_COLUMN, QUESTION_COLUMNS } from './columns';
import { DELIMITERS, type Delimiter } from './delimiter';
import { isStatus, statusColumn } from './judged-columns';
import { csvRows, jsonRows, tableFormat, type TableRow } from './reader';
import { bookkeeping, isNoScore, type LeftOut } from './score-columns';
import { numberIn, onScale, parseScore, unscored, type ScoreFormat } from './scores';

export interface TableAnswer extends Answer {
  /** Required metrics without a score: why, in the words of `JudgedTable.unscored`. Absent where all have one. */
  unscored?: Readonly<Record<string, string>>;
}

export interface JudgedTable {
  /** One per row; `question` is the question's id, or its text where there is no id. */
  answers: TableAnswer[];
  /** Columns that hold scores: those that were required, then the others in the file's order. */
  metrics: string[];
  /** By metric: rows without a score by why, as the column of statuses says, or the word in the score's place. */
  unscored: Map<string, Record<string, number>>;
  /** Further columns of numbers that are no metrics, in the file's order. */
  leftOut: LeftOut[];
}

export interface JudgedOptions {
  /** Columns that must be there and hold scores. */
  required: readonly string[];
  /** Round scores to whole numbers first, as a judge that answers in whole numbers would. */
  round: boolean;
  /** What separates the columns; default: found out from the header. */
  delimiter?: Delimiter | undefined;
  /** Told every row, in the order of `answers`: for whoever needs its texts. */
  each?: ((row: TableRow) => void) | undefined;
}

/** Reads the file once, so it may be a pipe; of its texts only the questions' ids stay in memory. Throws `UnreadableInput`. */
export async function readJudged(file: string, options: JudgedOptions): Promise<JudgedTable> {
  const { required, round, delimiter, each } = options;
  const reading = new Reading(file, required, round, each);
  if (tableFormat(file) === 'jsonl') {
    for await (const row of jsonRows(file, { pipes: true })) reading.add(row);
  } else {
    const expected = [...QUESTION_COLUMNS, ...ANSWER_COLUMNS, ID_COLUMN, ...required];
    const begin = (header: { columns: string[]; delimiter: Delimiter }): void => reading.begin(header, `${file}:1`);
    for await (const row of csvRows(file, begin, { delimiter, expected, pipes: true })) reading.add(row);
  }
  return reading.table();
}

interface Row {
  question: string;
  scores: (number | null)[];
  /** Of the required columns without a score; absent where all have one. */
  unscored?: Record<string, string>;
}

/** The values of a further column, as long as each of them could be a score. */
interface Further {
  /** By row; what stands before the column's first value is missing. */
  values: (number | null)[];
  /** By row: why there is no score. */
  whys: (string | null)[];
  /** A number that is not on the scale. */
  beyond: number | null;
}

/** What is known of a table while its rows come. */
class Reading {
  private question = '';
  private header: string[] | null = null;
  private format: ScoreFormat;
  private readonly rows: Row[] = [];
  private readonly further = new Map<string, Further>();
  private readonly texts = new Set<string>();
  private readonly unscored = new Map<string, Record<string, number>>();

  constructor(
    private readonly file: string,
    private readonly required: readonly string[],
    round: boolean,
    private readonly each: JudgedOptions['each'],
  ) {
    this.format = { round, decimalComma: false };
  }

  begin({ columns, delimiter }: { columns: string[]; delimiter?: Delimiter }, place: string): void {
    this.header = columns;
    this.format = { ...this.format, decimalComma: delimiter !== undefined && delimiter !== DELIMITERS.comma };
    this.question = questionColumn(columns, this.required, place, delimiter);
  }

  add(row: TableRow): void {
    const { fields, line } = row;
    const place = `${this.file}:${line}`;
    if (this.header === null) this.begin({ columns: [...fields.keys()] }, place);
    const text = (name: string): string => textOf(fields.get(name));
    const question = text(this.question);
    if (question === '') throw new UnreadableInput(`${place}: empty ${this.question}`);
    const lacking: [string, string][] = [];
    const scores = this.required.map((metric) => {
      const score = parseScore(text(metric), metric, place, this.format);
      if (score === null) lacking.push([metric, whyUnscored(text(metric), text(statusColumn(metric)))]);
      return score;
    });
    for (const [metric, why] of lacking) this.count(metric, why);
    // in JSON Lines a row may bring columns that none before it had
    for (const name of fields.keys()) {
      if (this.texts.has(name) || this.further.has(name)) continue;
      const looked = !this.required.includes(name) && !isNoScore(name, this.header as string[]);
      if (looked) this.further.set(name, { values: [], whys: [], beyond: null });
      else this.texts.add(name);
    }
    for (const [name, column] of this.further) this.addTo(column, name, text);
    this.rows.push({ question, scores, ...(lacking.length > 0 && { unscored: Object.fromEntries(lacking) }) });
    this.each?.(row);
  }

  private addTo(column: Further, name: string, text: (name: string) => string): void {
    const value = numberIn(text(name), this.format);
    const why = value === null ? unscored(text(name)) : null;
    if (value === null && why === null) {
      this.further.delete(name);
      this.texts.add(name);
      return;
    }
    const score = value === null ? null : onScale(value);
    if (value !== null && score === null) column.beyond ??= value;
    const row = this.rows.length;
    column.values[row] = score === null || !this.format.round ? score : Math.round(score);
    column.whys[row] = why === null ? null : whyUnscored(text(name), text(statusColumn(name)));
  }

  private count(metric: string, why: string): void {
    const counts = this.unscored.get(metric) ?? {};
    this.unscored.set(metric, { ...counts, [why]: (counts[why] ?? 0) + 1 });
  }

  table(): JudgedTable {
    if (this.rows.length === 0) {
      const where = this.header === null ? '' : ' below the header';
      throw new UnreadableInput(`${this.file}: no rows${where}`);
    }
    const others: [string, Further][] = [];
    const leftOut: LeftOut[] = [];
    for (const [name, column] of this.further) {
      const { values, beyond } = column;
      const numbers = beyond !== null || values.some((value) => value != null);
      if (!numbers) continue;
      const reason = beyond === null ? bookkeeping(name) : `${beyond} is not 0-100`;
      if (reason === null) others.push([name, column]);
      else leftOut.push({ column: name, reason });
    }
    for (const [name, { whys }] of others) {
      for (let row = 0; row < this.rows.length; row++) {
        const why = row in whys ? whys[row] : 'missing';
        if (why != null) this.count(name, why);
      }
    }
    const answers = this.rows.map(({ question, scores, unscored: whys }, row): TableAnswer => {
      const own = this.required.map((name, index): [string, number | null] => [name, scores[index] ?? null]);
      const more = others.map(([name, { values }]): [string, number | null] => [name, values[row] ?? null]);
      const all = Object.fromEntries([...own, ...more]);
      return { question, item: itemOf(question), scores: all, ...(whys && { unscored: whys }) };
    });
    return { answers, metrics: [...this.required, ...others.map(([name]) => name)], unscored: this.unscored, leftOut };
  }
}

/** Columns of JSON Lines hold any JSON value; one that is not there is empty. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  // 1e999 is read as infinity, which JSON.stringify would write as null
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

function whyUnscored(text: string, status: string): string {
  const trimmed = status.trim();
  return trimmed !== '' && isStatus(trimmed) ? trimmed : (unscored(text) as string);
}

/** The column that tells questions apart. Throws where it, the answers or a required column are not there. */
function questionColumn(
  header: readonly string[],
  required: readonly string[],
  place: string,
  delimiter: Delimiter | undefined,
): string {
  const column = (names: readonly string[], what: string): string => {
    const found = names.find((name) => header.includes(name));
    if (found !== undefined) return found;
    const expected = names.join(' or ');
    throw new UnreadableInput(
      `${place}: no column for the ${what}: expected ${expected}; there are: ${columnList(header)}${delimiterHint(delimiter)}`,
    );
  };
  const question = header.includes(ID_COLUMN) ? ID_COLUMN : column(QUESTION_COLUMNS, 'question');
  column(ANSWER_COLUMNS, 'answer');
  for (const name of required) column([name], 'score');
  return question;
}
