/**
 * contrasts.csv: every difference of cells. A table with nothing in it is no file.
 */
import { csvChunks, INTERVAL_COLUMNS, intervals } from './csv';
import type { ReportFile } from '../report-input';
import type { Results } from '../results';

const COLUMNS = [
  ...['question_set', 'cell', 'reference', 'kind', 'measure', 'difference', ...INTERVAL_COLUMNS],
  ...['questions', 'items', 'seeds', 'singles', 'bound_low', 'bound_high'],
];

/** Differences of means are points of 100, those of shares are shares of 1. */
export function contrastTables({ contrasts }: Pick<Results, 'contrasts'>): ReportFile[] {
  if (contrasts.length === 0) return [];
  const content = csvChunks(COLUMNS, function* () {
    for (const { questionSet, cell, reference, kind, measure, seeds, singles, difference, bounds } of contrasts)
      yield [
        ...[questionSet, cell, reference, kind, measure, difference.difference, ...intervals(difference)],
        ...[difference.questions, difference.items, seeds, singles, bounds?.low, bounds?.high],
      ];
  });
  return [{ path: 'contrasts.csv', content }];
}
