/**
 * The data of each line figure, a row a point: what somebody draws it from again.
 */
import type { ReportFile } from '../report-input';
import type { ReportFigure } from '../results';
import { interval, toCsv } from './csv';

const COLUMNS = [
  'line',
  'cell',
  'x',
  'value',
  'low95',
  'high95',
  'interval_note',
  'seeds',
  'seed_values',
  'n',
  'scored',
];

/** `figures/ID.csv`; values on the figure's axis, 0-100. */
export function lineTables(figures: readonly ReportFigure[]): ReportFile[] {
  return figures.flatMap((figure): ReportFile[] => {
    if (!('lines' in figure)) return [];
    const rows = figure.lines.flatMap(({ label, points }) =>
      points.map(({ cell, x, value, interval: range, seeds, n, scored }) => [
        ...[label, cell, x, value, ...interval(range), range.reason],
        ...[seeds.map(({ seed }) => seed).join(' '), seeds.map((each) => each.value.toFixed(4)).join(' '), n, scored],
      ]),
    );
    return [{ path: `figures/${figure.id}.csv`, content: toCsv(COLUMNS, rows) }];
  });
}
