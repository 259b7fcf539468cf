/**
 * By what a further table can name the answers of a table of judged answers: an id of theirs, or their question and text.
 */
import { answerHash } from '../../experiment/expand/given';
import type { TableRow } from './reader';
import { ANSWER_COLUMNS, ID_COLUMNS, QUESTION_COLUMNS } from './spellings';

/** Names one answer by itself. */
const ANSWER_ID = 'id';

/** The ways to name an answer, the first that both tables have the columns for is taken. */
export const WAYS = [
  { name: ANSWER_ID, columns: [[ANSWER_ID]] },
  { name: 'question_id and answer', columns: [ID_COLUMNS, ANSWER_COLUMNS] },
  { name: 'question and answer', columns: [QUESTION_COLUMNS, ANSWER_COLUMNS] },
] as const;

export type Way = (typeof WAYS)[number];

/** Whether a table with these columns can name answers so. */
export function canName({ columns }: Way, there: ReadonlySet<string>): boolean {
  return columns.every((names) => names.some((name) => there.has(name)));
}

/**
 * What a row names its answer by. Texts are the same when they differ only in line ends and in white space before and after,
 * which spreadsheets change. An answer's text is kept as its hash.
 */
export function keyOf({ columns }: Way, { fields }: Pick<TableRow, 'fields'>): string {
  return columns
    .map((names) => {
      const found = names.find((name) => fields.has(name));
      const text = plain(found === undefined ? undefined : fields.get(found));
      return names === ANSWER_COLUMNS ? answerHash(text) : text;
    })
    .join('\n');
}

function plain(value: unknown): string {
  if (value === undefined || value === null) return '';
  return (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\r\n?/g, '\n').trim();
}

/** The answers of a table by what names them, collected while it is read. */
export class AnswerKeys {
  private readonly lines: number[] = [];
  private readonly ways = new Map<Way, Map<string, number[]>>();

  /** `file`: what messages call the table. */
  constructor(readonly file: string) {}

  /** The table's rows in their order. */
  add(row: TableRow): void {
    const there = new Set(row.fields.keys());
    for (const way of WAYS) {
      if (!canName(way, there)) continue;
      const known = this.ways.get(way) ?? new Map<string, number[]>();
      const key = keyOf(way, row);
      const rows = known.get(key);
      if (rows === undefined) known.set(key, [this.lines.length]);
      else rows.push(this.lines.length);
      this.ways.set(way, known);
    }
    this.lines.push(row.line);
  }

  /** Whether the table has the columns for it. */
  has(way: Way): boolean {
    return this.ways.has(way);
  }

  /** Answers with this key, by their number from 0, and the lines that they stand on. */
  find(way: Way, key: string): { row: number; line: number }[] {
    return (this.ways.get(way)?.get(key) ?? []).map((row) => ({ row, line: this.lines[row] as number }));
  }
}
