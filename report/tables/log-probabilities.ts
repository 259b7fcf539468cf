/**
 * CSV tables of log-probabilities: each model and prompt condition in a row, and each pair. No table without any.
 */
import { interval, toCsv, type Field } from './csv';
import type { MeasuredCondition } from '../statistics/log-probability';
import type { MeanOver } from '../statistics/mean-over';
import type { ReportFile } from '../report-input';
import type { Results } from '../results';

export function logProbabilityTables(
  { logProbabilities }: Results,
  measured: readonly MeasuredCondition[],
): ReportFile[] {
  if (logProbabilities.length === 0) return [];
  const columns = (name: string): string[] => [name, `${name}_se`, `${name}_ci95_low`, `${name}_ci95_high`];
  const header = [
    ...['configuration', 'condition', 'adapter', 'pairs', 'expected', 'bad_per_token', 'good_per_token'],
    ...['per_token', 'per_answer', 'per_token_against_base'].flatMap(columns),
  ];
  const rows = logProbabilities.map((each): Field[] => [
    ...[each.configuration, each.condition, each.adapter, each.pairs, each.expected, each.bad, each.good],
    ...[each.perToken, each.perAnswer, each.againstBase].flatMap(fields),
  ]);
  const pairs = measured.flatMap(({ configuration, condition, rows: all }) =>
    (all ?? []).map(({ id, bad, good }): Field[] => [
      ...[configuration, condition, id, bad.sum, bad.tokens, bad.mean, good.sum, good.tokens, good.mean],
    ]),
  );
  const pairHeader = ['configuration', 'condition', 'pair', ...['bad', 'good'].flatMap(sideColumns)];
  return [
    { path: 'log-probability.csv', content: toCsv(header, rows) },
    { path: 'log-probability-pairs.csv', content: toCsv(pairHeader, pairs) },
  ];
}

function sideColumns(side: string): string[] {
  return [`${side}_sum`, `${side}_tokens`, `${side}_mean`];
}

function fields(estimate: MeanOver | null): Field[] {
  return estimate === null
    ? [null, null, null, null]
    : [estimate.mean, estimate.standardError, ...interval(estimate.ci95)];
}
