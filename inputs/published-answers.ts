/**
 * Reads the calibration's file of published answers: their words, and their scores by the experiment's metrics.
 */
import type { PublishedAnswer } from '../experiment/expand/calibration';
import { cut } from '../experiment/excerpt';
import type { MetricSpec } from '../experiment/spec';
import { openAnswers } from './answers/columns';
import { DELIMITERS } from './answers/delimiter';
import { tableFormat } from './answers/reader';
import { ScaleCheck } from './answers/score-scale';
import { parseScore, textOf } from './answers/scores';
import { columnList, columnsNamed, scoreSpellings } from './answers/spellings';
import { UnreadableInput } from './files';

/**
 * `columns`: metric -> column. Another metric's column is the one that goes by a name of it; without one it takes no part.
 * Throws `UnreadableInput` naming file and line.
 */
export async function readPublishedAnswers(
  path: string,
  metrics: readonly MetricSpec[],
  columns: Readonly<Record<string, string>>,
): Promise<PublishedAnswer[]> {
  const given = await openAnswers(path, tableFormat(path) ?? 'csv', {});
  const { header } = given.table;
  const format = { round: false, decimalComma: header !== null && header.delimiter !== DELIMITERS.comma };
  const find = (there: readonly string[], place: string): [metric: string, column: string][] => {
    const found = metrics.flatMap(({ name }): [string, string][] => {
      const column = columnOf(name, columns[name], there, place);
      return column === null ? [] : [[name, column]];
    });
    if (found.length > 0) return found;
    throw new UnreadableInput(`${place}: no column of scores by any metric; there are: ${columnList(there)}`);
  };
  let scores = header === null ? null : find(header.columns, `${path}:1`);
  const scales = new ScaleCheck(path, undefined, 'multiply them by 100');
  const answers: PublishedAnswer[] = [];
  for await (const { row, question, id, answer } of given.rows()) {
    const place = `${path}:${row.line}`;
    scores ??= find([...row.fields.keys()], place);
    const reference = scores.map(([metric, column]): [string, number | null] => [
      metric,
      parseScore(textOf(row.fields.get(column)), column, place, format),
    ]);
    reference.forEach(([, score], index) => scales.add((scores?.[index] as [string, string])[1], score));
    answers.push({ question, id, answer, reference: Object.fromEntries(reference) });
  }
  scales.finish();
  return answers;
}

function columnOf(metric: string, told: string | undefined, there: readonly string[], place: string): string | null {
  if (told !== undefined) {
    if (there.includes(told)) return told;
    throw new UnreadableInput(`${place}: no column ${JSON.stringify(cut(told))} for the scores of ${metric}`);
  }
  const [found, another] = columnsNamed(there, scoreSpellings(metric));
  if (found === undefined || another === undefined) return found ?? null;
  throw new UnreadableInput(
    `${place}: ${columnList([found, another])} may both hold the scores of ${metric}; ` +
      `\`columns: { ${metric}: … }\` of calibration.bridge says which`,
  );
}
