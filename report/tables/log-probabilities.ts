/**
 * CSV tables of log-probabilities: each model and prompt condition in a row, and each pair. No table without any.
 */
import { csvChunks, meanColumns, meanFields, toCsv, type Field } from './csv';
import type { MeasuredCondition } from '../statistics/log-probability';
import type { ReportFile } from '../report-input';
import type { Results } from '../results';

export function logProbabilityTables(
  { logProbabilities }: Results,
  measured: readonly MeasuredCondition[],
): ReportFile[] {
  if (logProbabilities.length === 0) return [];
  const header = [
    ...['configuration', 'condition', 'adapter', 'pairs', 'expected', 'bad_per_token', 'good_per_token'],
    ...['per_token', 'per_answer', 'per_token_against_base'].flatMap(meanColumns),
  ];
  const rows = logProbabilities.map((each): Field[] => [
    ...[each.configuration, each.condition, each.adapter, each.pairs, each.expected, each.bad, each.good],
    ...[each.perToken, each.perAnswer, each.againstBase].flatMap(meanFields),
  ]);
  const pairs = function* (): Generator<Field[]> {
    for (const { configuration, condition, rows: all } of measured)
      for (const { id, bad, good } of all ?? [])
        yield [configuration, condition, id, bad.sum, bad.tokens, bad.mean, good.sum, good.tokens, good.mean];
  };
  const pairHeader = ['configuration', 'condition', 'pair', ...['bad', 'good'].flatMap(sideColumns)];
  return [
    { path: 'log-probability.csv', content: toCsv(header, rows) },
    { path: 'log-probability-pairs.csv', content: csvChunks(pairHeader, pairs) },
  ];
}

function sideColumns(side: string): string[] {
  return [`${side}_sum`, `${side}_tokens`, `${side}_mean`];
}
