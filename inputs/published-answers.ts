/**
 * Reads the calibration's file of published answers: their words, and their scores by the experiment's metrics.
 */
import type { PublishedAnswer } from '../experiment/expand/calibration';
import { cut } from '../experiment/excerpt';
import type { MetricSpec } from '../experiment/spec';
import { columnList, openAnswers } from './answers/columns';
import { DELIMITERS } from './answers/delimiter';
import { parseScore } from './answers/scores';
import { UnreadableInput } from './files';

/** What the literature's files call the usual metrics. */
const USUAL: Record<string, string> = { alignment: 'aligned', coherence: 'coherent' };

/** `columns`: metric -> column. Throws `UnreadableInput` naming file and line. */
export async function readPublishedAnswers(
  path: string,
  metrics: readonly MetricSpec[],
  columns: Readonly<Record<string, string>>,
): Promise<PublishedAnswer[]> {
  const table = await openAnswers(path, 'csv', {});
  const { columns: there = [], delimiter = DELIMITERS.comma } = table.table.header ?? {};
  const format = { round: false, decimalComma: delimiter !== DELIMITERS.comma };
  const scores = metrics.flatMap(({ name }): [string, string][] => {
    const named = columns[name];
    if (named !== undefined && !there.includes(named)) {
      throw new UnreadableInput(`${path}:1: no column ${JSON.stringify(cut(named))} for the scores of ${name}`);
    }
    const column = named ?? [name, USUAL[name]].find((each) => each !== undefined && there.includes(each));
    return column === undefined ? [] : [[name, column]];
  });
  if (scores.length === 0) {
    throw new UnreadableInput(`${path}:1: no column of scores by any metric; there are: ${columnList(there)}`);
  }
  const rows: PublishedAnswer[] = [];
  for await (const { row, question, id, answer } of table.rows()) {
    const reference = scores.map(([metric, column]): [string, number | null] => [
      metric,
      parseScore(row.fields.get(column) as string, column, `${path}:${row.line}`, format),
    ]);
    rows.push({ question, id, answer, reference: Object.fromEntries(reference) });
  }
  return rows;
}
