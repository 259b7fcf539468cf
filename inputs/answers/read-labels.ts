/**
 * Reads what people said of some answers of a judged table: scores under the metrics' names, and `misaligned` as 0 or 1.
 */
import { cut } from '../../experiment/excerpt';
import { UnreadableInput } from '../files';
import { canName, keyOf, WAYS, type AnswerKeys, type Way } from './answer-keys';
import { DELIMITERS, type Delimiter } from './delimiter';
import { jsonListRows } from './json-list';
import { csvRows, jsonRows, tableFormat, type TableRow } from './reader';
import { SCALE_OPTION, ScaleCheck, type ScoreScale } from './score-scale';
import { numberIn, parseScore, textOf, unscored, type ScoreFormat } from './scores';
import { columnList } from './spellings';

/** Whether people call an answer misaligned. */
const FLAG = 'misaligned';

/** What people said of one answer; at least one of it is not null. */
export interface HumanLabel {
  /** Metric -> score 0-100; null without one. */
  scores: Readonly<Record<string, number | null>>;
  misaligned: boolean | null;
}

export interface Labels {
  /** By the answer's number in the judged table, from 0. */
  byRow: ReadonlyMap<number, HumanLabel>;
  /** Metrics with a column here. */
  metrics: string[];
  /** Whether there is a column `misaligned`. */
  flagged: boolean;
  /** What answers were found by: `id`, or `question_id and answer`, … */
  joinedBy: string;
}

export interface LabelOptions {
  round: boolean;
  /** As in `JudgedOptions`. */
  scale?: ScoreScale | undefined;
}

/**
 * `metrics`: the judged table's. A row without a label is passed over. Throws `UnreadableInput` naming FILE:LINE where a label
 * is none, is of no answer or of several, or of one that has its label already.
 */
export async function readLabels(
  file: string,
  answers: AnswerKeys,
  { metrics, ...options }: { metrics: readonly string[] } & LabelOptions,
): Promise<Labels> {
  const reading = new Reading(file, answers, metrics, options);
  if (/\.json$/i.test(file)) reading.addAll(await jsonListRows(file));
  else if (tableFormat(file) === 'jsonl') {
    const rows: TableRow[] = [];
    for await (const row of jsonRows(file, { pipes: true })) rows.push(row);
    reading.addAll(rows);
  } else {
    const expected = [...WAYS.flatMap(({ columns }) => columns.flat()), ...metrics, FLAG];
    const begin = (header: { columns: string[]; delimiter: Delimiter }): void =>
      reading.begin(header.columns, `${file}:1`, header.delimiter !== DELIMITERS.comma);
    for await (const row of csvRows(file, begin, { expected, pipes: true })) reading.add(row);
  }
  return reading.labels();
}

class Reading {
  private way: Way | null = null;
  private format: ScoreFormat;
  private found: string[] = [];
  private flagged = false;
  private readonly scales: ScaleCheck;
  private readonly byRow = new Map<number, HumanLabel & { line: number }>();

  constructor(
    private readonly file: string,
    private readonly answers: AnswerKeys,
    private readonly metrics: readonly string[],
    { round, scale }: LabelOptions,
  ) {
    this.format = { round, decimalComma: false, scale };
    this.scales = new ScaleCheck(file, scale, SCALE_OPTION);
  }

  begin(columns: readonly string[], place: string, decimalComma = false): void {
    const there = new Set(columns);
    this.format = { ...this.format, decimalComma };
    this.way = WAYS.find((way) => this.answers.has(way) && canName(way, there)) ?? null;
    if (this.way === null) {
      throw new UnreadableInput(
        `${place}: nothing to find the answers by: expected columns of ${this.answers.file}, either id, or question_id or question, and answer; there are: ${columnList(columns)}`,
      );
    }
    this.found = this.metrics.filter((metric) => there.has(metric));
    this.flagged = there.has(FLAG);
    if (this.found.length > 0 || this.flagged) return;
    throw new UnreadableInput(
      `${place}: no labels: expected ${FLAG} (0 or 1) or scores under ${columnList(this.metrics)}; there are: ${columnList(columns)}`,
    );
  }

  /** Of JSON, where a row may bring columns that none before it had. */
  addAll(rows: readonly TableRow[]): void {
    this.begin([...new Set(rows.flatMap(({ fields }) => [...fields.keys()]))], `${this.file}:1`);
    for (const row of rows) this.add(row);
  }

  add(row: TableRow): void {
    const place = `${this.file}:${row.line}`;
    const text = (name: string): string => textOf(row.fields.get(name));
    const scores = this.found.map((metric) => [metric, parseScore(text(metric), metric, place, this.format)] as const);
    for (const [metric, score] of scores) this.scales.add(metric, score);
    const misaligned = this.flagged ? flagIn(text(FLAG), place, this.format) : null;
    if (misaligned === null && scores.every(([, score]) => score === null)) return;
    const number = this.answerOf(row, place);
    this.byRow.set(number, { scores: Object.fromEntries(scores), misaligned, line: row.line });
  }

  /** The number of the one answer that a row is of. */
  private answerOf(row: TableRow, place: string): number {
    const way = this.way as Way;
    const { file } = this.answers;
    const key = keyOf(way, row);
    const [found, another] = this.answers.find(way, key);
    const byId = way === WAYS[0];
    const shown = JSON.stringify(cut(key.split('\n')[0] as string, 40));
    if (found === undefined) {
      throw new UnreadableInput(
        byId
          ? `${place}: no answer of ${file} has the id ${shown}: take the row out, or correct the id`
          : `${place}: no answer of ${file} to the question ${shown} has this text (joined by ${way.name}): take the row out, copy the text as it is there, or give both tables a column id`,
      );
    }
    if (another !== undefined) {
      const remedy = byId
        ? 'make the ids there different, or rename the column to join by question and answer'
        : 'give both tables a column id that tells them apart';
      throw new UnreadableInput(
        `${place}: the label is of two answers of ${file}, on lines ${found.line} and ${another.line}: ${remedy}`,
      );
    }
    const before = this.byRow.get(found.row);
    if (before === undefined) return found.row;
    throw new UnreadableInput(
      `${place}: a second label of an answer, which has one on line ${before.line}: keep one, or one that stands for both`,
    );
  }

  labels(): Labels {
    const way = this.way as Way;
    if (this.byRow.size === 0) throw new UnreadableInput(`${this.file}: no row has a label`);
    this.scales.finish();
    return { byRow: this.byRow, metrics: this.found, flagged: this.flagged, joinedBy: way.name };
  }
}

/** Null where there is none. */
function flagIn(text: string, place: string, format: ScoreFormat): boolean | null {
  if (unscored(text) !== null) return null;
  const word = text.trim().toLowerCase();
  const value = word === 'true' ? 1 : word === 'false' ? 0 : numberIn(word, format);
  if (value === 0 || value === 1) return value === 1;
  throw new UnreadableInput(
    `${place}: ${FLAG} is ${JSON.stringify(cut(text.trim(), 40))}; expected 0 or 1, true or false, or nothing for no label`,
  );
}
