/**
 * Writes a table of answers with their verdicts beside them: every column of the input in its order, then for each
 * metric NAME (the score), NAME_status and NAME_raw (what the judge wrote). Whole or not at all.
 *
 * The columns are separated as in the input, but in a file whose name ends in `.tsv` by tabs, and in one of another name by
 * commas where the input is such a file.
 *
 * In the input's own format and with its delimiter the input's characters are copied, quoting and number forms included: read and written again,
 * they would come out as this writer quotes and ends its lines. Nothing is changed to please a spreadsheet: a cell that
 * begins with `=` begins with `=`.
 */
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Store } from '../../artifacts/store';
import { temporaryBeside } from '../../artifacts/whole-file';
import type { Judgement } from '../../experiment/rows';
import { csvLine } from '../csv-lines';
import { UnreadableInput } from '../files';
import type { AnswerTable } from './columns';
import { DELIMITERS, isTabbed, type Delimiter } from './delimiter';
import { addedColumns, type CellStatus } from './judged-columns';
import type { JudgingPlan } from './judging-plan';
import { tableFormat, type TableRow } from './reader';
import { verdictsByAnswer } from './verdicts';

export interface MetricOutcome {
  metric: string;
  /** Rows with a score, and their mean (0-100; null without any). */
  scored: number;
  mean: number | null;
  /** Rows by status. */
  statuses: Record<string, number>;
}

export interface Written {
  rows: number;
  metrics: MetricOutcome[];
}

/** What a row gets for one metric. Repeats make a mean, their statuses joined and a list of what the judge wrote. */
interface Verdict {
  score: number | null;
  status: string;
  raw: string | null;
}

const MISSING: Verdict = { score: null, status: 'missing' satisfies CellStatus, raw: null };

export async function writeJudged(
  store: Store,
  table: AnswerTable,
  plan: JudgingPlan,
  metrics: readonly string[],
  { out, suffix = '' }: { out: string; suffix?: string },
): Promise<Written> {
  const verdicts = await verdictsByAnswer(store, plan);
  const tally = new Tally(metrics);
  const partial = temporaryBeside(out);
  const added = addedColumns(metrics, suffix);
  async function* judgedRows(): AsyncGenerator<JudgedRow> {
    for await (const each of table.rows()) {
      const { row } = each;
      const answer = plan.answerOf(each);
      if (answer === undefined) {
        throw new UnreadableInput(`${table.file}:${row.line}: the file has changed since it was judged; run again`);
      }
      const judged = verdicts(answer);
      const own = metrics.map((metric) => verdictOf(judged.get(metric) ?? []));
      tally.count(own);
      yield { row, verdicts: own };
    }
  }
  try {
    const lines = Readable.from(
      tableFormat(out) === 'csv'
        ? csvLines(table, plan.columns, added, delimiterFor(out, table), judgedRows())
        : jsonLines(table, added, judgedRows()),
    );
    const file = createWriteStream(partial, { flags: 'wx' });
    if (out.toLowerCase().endsWith('.gz')) await pipeline(lines, createGzip(), file);
    else await pipeline(lines, file);
    await synced(partial);
    await rename(partial, out);
  } finally {
    await rm(partial, { force: true });
  }
  return tally.outcome();
}

function delimiterFor(out: string, { file, table: { header } }: AnswerTable): Delimiter {
  if (isTabbed(out)) return DELIMITERS.tab;
  return header === null || isTabbed(file) ? DELIMITERS.comma : header.delimiter;
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** `ordered`: by repeat. */
function verdictOf(ordered: Judgement[]): Verdict {
  if (ordered.length === 0) return MISSING;
  const scores = ordered.flatMap(({ score }) => score ?? []);
  const texts = ordered.map(({ raw }) => raw);
  return {
    score: scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length,
    status: [...new Set(ordered.map(({ status }) => status))].join('+'),
    raw: texts.length === 1 ? (texts[0] as string) : JSON.stringify(texts),
  };
}

interface JudgedRow {
  row: TableRow;
  verdicts: Verdict[];
}

async function* csvLines(
  { table }: AnswerTable,
  columns: readonly string[],
  added: readonly string[],
  delimiter: Delimiter,
  rows: AsyncGenerator<JudgedRow>,
): AsyncGenerator<string> {
  const { header } = table;
  const copied = header?.delimiter === delimiter;
  const line = (fields: readonly (string | null)[]): string => csvLine(fields, { quoteEdges: true, delimiter });
  const mark = header?.byteOrderMark === true ? '\uFEFF' : '';
  const names = copied ? header.raw : line(columns);
  yield `${mark}${names}${delimiter}${line(added)}${header?.lineEnd ?? '\n'}`;
  for await (const { row, verdicts } of rows) {
    const own = copied ? row.raw : line(columns.map((name) => cellText(row.fields.get(name))));
    const cells = verdicts.flatMap(({ score, status, raw }) => [score === null ? null : String(score), status, raw]);
    yield `${own}${delimiter}${line(cells)}${header === null ? '\n' : row.lineEnd}`;
  }
}

async function* jsonLines(
  { table }: AnswerTable,
  added: readonly string[],
  rows: AsyncGenerator<JudgedRow>,
): AsyncGenerator<string> {
  for await (const { row, verdicts } of rows) {
    // put together as text: an object would reorder names that look like numbers, and lose what a number looked like
    const own = table.format === 'jsonl' ? row.raw.slice(1, -1).trim() : members([...row.fields]);
    const values = verdicts.flatMap(({ score, status, raw }) => [score, status, raw]);
    const verdict = members(added.map((name, index): [string, unknown] => [name, values[index]]));
    yield `{${own}${own === '' ? '' : ','}${verdict}}${row.lineEnd}`;
  }
}

function members(entries: [string, unknown][]): string {
  return entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',');
}

/** A value of JSON Lines as a cell; well-formed, because UTF-8 has no lone surrogates. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return (typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed();
}

class Tally {
  private rows = 0;
  private readonly metrics: { metric: string; scored: number; sum: number; statuses: Record<string, number> }[];

  constructor(metrics: readonly string[]) {
    this.metrics = metrics.map((metric) => ({ metric, scored: 0, sum: 0, statuses: {} }));
  }

  count(verdicts: readonly Verdict[]): void {
    this.rows += 1;
    this.metrics.forEach((own, index) => {
      const { score, status } = verdicts[index] as Verdict;
      own.statuses[status] = (own.statuses[status] ?? 0) + 1;
      if (score === null) return;
      own.scored += 1;
      own.sum += score;
    });
  }

  outcome(): Written {
    return {
      rows: this.rows,
      metrics: this.metrics.map(({ metric, scored, sum, statuses }) => ({
        metric,
        scored,
        mean: scored === 0 ? null : sum / scored,
        statuses,
      })),
    };
  }
}
