/**
 * Writes a table of answers with their verdicts beside them: every column of the input in its order, then for each
 * metric NAME (the score), NAME_status and NAME_raw (what the judge wrote). Whole or not at all.
 *
 * In the input's own format the input's characters are copied, quoting and number forms included: read and written again,
 * they would come out as this writer quotes and ends its lines. Nothing is changed to please a spreadsheet: a cell that
 * begins with `=` begins with `=`.
 */
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Store } from '../../artifacts/store';
import type { Sha256 } from '../../experiment/canonical';
import type { Judgement, JudgementStatus } from '../../experiment/rows';
import { csvLine } from '../csv-lines';
import { UnreadableInput } from '../files';
import { readCell } from '../../artifacts/cells';
import type { AnswerTable } from './columns';
import type { JudgingPlan } from './judging-plan';
import { tableFormat, type TableRow } from './reader';

/** `missing`: the judge could not be asked; the next run asks again. */
type CellStatus = JudgementStatus | 'missing';

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

const QUOTING = { quoteEdges: true };

/** Columns that are added for the metrics. */
export function addedColumns(metrics: readonly string[]): string[] {
  return metrics.flatMap((metric) => [metric, `${metric}_status`, `${metric}_raw`]);
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
  out: string,
): Promise<Written> {
  const verdicts = await verdictsOf(store, plan);
  const tally = new Tally(metrics);
  const partial = join(dirname(out), `.${basename(out)}.${process.pid}.tmp`);
  const write = tableFormat(out) === 'csv' ? csvLines : jsonLines;
  async function* judgedRows(): AsyncGenerator<JudgedRow> {
    for await (const { row, group, questionKey, answerHash } of table.rows()) {
      const completion = plan.completionOf(group, questionKey, answerHash);
      if (completion === undefined) {
        throw new UnreadableInput(`${table.file}:${row.line}: the file has changed since it was judged; run again`);
      }
      const own = metrics.map((metric) => verdicts.get(completion)?.get(metric) ?? MISSING);
      tally.count(own);
      yield { row, verdicts: own };
    }
  }
  try {
    const lines = Readable.from(write(table, plan.columns, metrics, judgedRows()));
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

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function verdictsOf(store: Store, { stored: { plan } }: JudgingPlan): Promise<Map<Sha256, Map<string, Verdict>>> {
  const verdicts = new Map<Sha256, Map<string, Verdict>>();
  for (const cell of plan.configurations.flatMap(({ cells }) => cells)) {
    const { judgements } = await readCell(store, plan, cell);
    const repeats = new Map<string, Judgement[]>();
    for (const judgement of judgements) {
      const slot = `${judgement.completion} ${judgement.metric}`;
      const known = repeats.get(slot);
      if (known === undefined) repeats.set(slot, [judgement]);
      else known.push(judgement);
    }
    for (const own of repeats.values()) {
      const { completion, metric } = own[0] as Judgement;
      const known = verdicts.get(completion) ?? new Map<string, Verdict>();
      known.set(metric, verdictOf(own));
      verdicts.set(completion, known);
    }
  }
  return verdicts;
}

function verdictOf(judgements: Judgement[]): Verdict {
  const ordered = judgements.sort((a, b) => a.repeat - b.repeat);
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
  metrics: readonly string[],
  rows: AsyncGenerator<JudgedRow>,
): AsyncGenerator<string> {
  const { header } = table;
  const added = csvLine(addedColumns(metrics), QUOTING);
  const mark = header?.byteOrderMark === true ? '\uFEFF' : '';
  const names = header?.raw ?? csvLine(columns, QUOTING);
  yield `${mark}${names},${added}${header?.lineEnd ?? '\n'}`;
  for await (const { row, verdicts } of rows) {
    const own =
      header === null
        ? csvLine(
            columns.map((name) => csvText(row.fields.get(name))),
            QUOTING,
          )
        : row.raw;
    const cells = verdicts.flatMap(({ score, status, raw }) => [score === null ? null : String(score), status, raw]);
    yield `${own},${csvLine(cells, QUOTING)}${header === null ? '\n' : row.lineEnd}`;
  }
}

async function* jsonLines(
  { table }: AnswerTable,
  _columns: readonly string[],
  metrics: readonly string[],
  rows: AsyncGenerator<JudgedRow>,
): AsyncGenerator<string> {
  for await (const { row, verdicts } of rows) {
    // put together as text: an object would reorder names that look like numbers, and lose what a number looked like
    const own = table.format === 'jsonl' ? row.raw.slice(1, -1).trim() : members([...row.fields]);
    const added = verdicts.flatMap(({ score, status, raw }, index): [string, unknown][] => {
      const [name, statusName, rawName] = addedColumns([metrics[index] as string]) as [string, string, string];
      return [
        [name, score],
        [statusName, status],
        [rawName, raw],
      ];
    });
    yield `{${own}${own === '' ? '' : ','}${members(added)}}${row.lineEnd}`;
  }
}

function members(entries: [string, unknown][]): string {
  return entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',');
}

function csvText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
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
