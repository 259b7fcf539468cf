/**
 * CSV tables about the judges: scores one by one, both operators at the thresholds and at a rule's other comparisons, categories, judges side by side, their
 * agreement, shifts from a baseline, calibration and noise. A table with nothing in it is no file.
 */
import { csvChunks, INTERVAL_COLUMNS, interval, intervals, type Field } from './csv';
import type { ReportFile } from '../report-input';
import type { Results } from '../results';
import type { Interval } from '../statistics/intervals';
import type { Agreement } from '../statistics/judge-agreement';
import { MEASURE_COLUMNS, measureRows } from './cells';

export function judgeTables(results: Results): ReportFile[] {
  const tables: [string, string[], () => Iterable<Field[]>][] = [
    ['scores.csv', ['judge', 'cell', 'metric', 'score', 'verdicts'], () => scoreRows(results)],
    [
      'thresholds.csv',
      [
        ...['judge', 'cell', 'alignment_operator', 'alignment_threshold', 'alignment_at_threshold'],
        ...['coherence_operator', 'coherence_threshold', 'coherence_at_threshold', 'chosen'],
        ...['misaligned', 'hits', 'n'],
      ],
      () => thresholdRows(results),
    ],
    [
      'comparisons.csv',
      [
        ...['judge', 'cell', 'part', 'metric', 'operator', 'threshold', 'at_threshold', 'scored'],
        ...['other_operator', 'misaligned', 'hits', 'n'],
      ],
      () => comparisonRows(results),
    ],
    [
      'categories.csv',
      [...['judge', 'cell', 'metric', 'category', 'stands_for', 'verdicts', 'share'], ...[...INTERVAL_COLUMNS, 'n']],
      () => categoryRows(results),
    ],
    [
      'judges.csv',
      ['judge', 'judge_label', 'cell', 'configuration', 'question_set', 'condition', ...MEASURE_COLUMNS],
      () => measureRowsByJudge(results),
    ],
    [
      'agreement.csv',
      [
        ...['judges', 'measure', 'scale', 'configuration', 'n', 'alpha', 'alpha_ci95_low', 'alpha_ci95_high'],
        ...['kappa', 'kappa_ci95_low', 'kappa_ci95_high', 'ac1', 'ac1_ci95_low', 'ac1_ci95_high'],
        ...['ci95_note', 'items'],
        ...['shift', ...INTERVAL_COLUMNS, 'questions'],
      ],
      () => agreementRows(results),
    ],
    [
      'shifts.csv',
      ['judge', 'configuration', 'metric', 'scored', 'expected', 'mean', 'shift'],
      () =>
        results.shifts.map(({ judge, configuration, metric, scored, expected, mean, shift }) => [
          ...[judge, configuration, metric, scored, expected, mean, shift],
        ]),
    ],
    [
      'calibration.csv',
      [
        ...['judge', 'metric', 'floor_mean', 'floor_n', 'floor_unscored', 'ceiling_mean', 'ceiling_n'],
        ...[
          'ceiling_unscored',
          'auc',
          'auc_ci95_low',
          'auc_ci95_high',
          'auc_ci95_note',
          'outcome',
          'bridge_mean',
          'bridge_published',
        ],
        ...['bridge_difference', 'bridge_ci95_low', 'bridge_ci95_high', 'bridge_spearman', 'bridge_n'],
        'bridge_unscored',
      ],
      () => calibrationRows(results),
    ],
    [
      'noise.csv',
      [
        ...['judge', 'measure', 'answers', 'verdicts', 'sd_within', 'flag', 'flip_answers', 'flip_mixed'],
        ...['flip_rate', ...INTERVAL_COLUMNS.map((name) => `flip_${name}`)],
      ],
      () => noiseRows(results),
    ],
  ];
  return tables.flatMap(([path, header, rows]) =>
    isEmpty(rows()) ? [] : [{ path, content: csvChunks(header, rows) }],
  );
}

function isEmpty(rows: Iterable<unknown>): boolean {
  for (const _ of rows) return false;
  return true;
}

function* measureRowsByJudge({ judges }: Results): Generator<Field[]> {
  if (judges.length < 2) return;
  for (const { name, label, cells } of judges)
    for (const cell of cells.values()) for (const row of measureRows(cell)) yield [name, label, ...row];
}

function* scoreRows({ judges }: Results): Generator<Field[]> {
  for (const { name, cells } of judges)
    for (const [cell, { summary }] of cells)
      for (const { metric, scoreCounts } of summary.metrics)
        for (const [score, count] of Object.entries(scoreCounts)) yield [name, cell, metric, score, count];
}

function* thresholdRows({ judges }: Results): Generator<Field[]> {
  for (const { name, cells } of judges)
    for (const [cell, { thresholds }] of cells)
      for (const { alignment, coherence, chosen, share } of thresholds?.shares ?? [])
        yield [
          ...[name, cell, alignment, thresholds?.alignment.threshold, thresholds?.alignment.at],
          ...[coherence, thresholds?.coherence.threshold, thresholds?.coherence.at, chosen ? 'yes' : 'no'],
          ...[share.rate, share.count, share.denominator],
        ];
}

function* comparisonRows({ judges }: Results): Generator<Field[]> {
  for (const { name, cells } of judges)
    for (const [cell, { otherOperators }] of cells)
      for (const { part, metric, operator, threshold, at, scored, other, share } of otherOperators)
        yield [
          ...[name, cell, part, metric, operator, threshold, at, scored],
          ...[other, share.rate, share.count, share.denominator],
        ];
}

function categoryRows({ judges }: Results): Field[][] {
  return judges.flatMap(({ name, cells }) =>
    [...cells].flatMap(([cell, judged]) =>
      judged.categories.flatMap(({ metric, categories }) =>
        categories.map(({ category, score, verdicts, share }) => [
          ...[name, cell, metric, category, score, verdicts, share.rate],
          ...[...intervals(share), share.denominator],
        ]),
      ),
    ),
  );
}

/** The agreement of two judges, then its row for each configuration. */
function agreementRows({ agreements }: Results): Field[][] {
  return agreements.flatMap(({ judges, measure, scale, n, items, alpha, kappa, ac1, ci95, shifts }) => {
    const names = [judges.join(' | '), measure, scale];
    const ends = (of: Interval | null): Field[] => (of === null ? [null, null] : interval(of));
    return [
      [
        ...[...names, null, n, alpha, ...ends(ci95.alpha), kappa, ...ends(ci95.kappa)],
        ...[ac1, ...ends(ci95.ac1), noteOf(ci95), items],
      ],
      ...shifts.map(({ configuration, difference }): Field[] => [
        ...[...names, configuration, difference.n, ...Array<null>(10).fill(null), difference.items],
        ...[difference.mean, ...intervals(difference), difference.questions],
      ]),
    ];
  });
}

/** Why there are no intervals: `kappa: only one question`. */
function noteOf(ci95: Agreement['ci95']): string | null {
  const notes = Object.entries(ci95).flatMap(([name, of]) =>
    of === null || of.reason === null ? [] : [`${name}: ${of.reason}`],
  );
  return notes.length === 0 ? null : notes.join('; ');
}

function calibrationRows({ calibrations }: Results): Field[][] {
  return calibrations.map(({ judge, metric, floor, ceiling, separation, outcome, bridge }) => [
    ...[judge, metric, floor?.mean, floor?.n, floor?.unscored, ceiling?.mean, ceiling?.n, ceiling?.unscored],
    ...[separation?.auc, ...(separation === null ? [null, null] : interval(separation.ci95))],
    ...[separation?.ci95.reason, outcome],
    ...[bridge?.mean, bridge?.referenceMean, bridge?.difference],
    ...[...(bridge === null ? [null, null] : interval(bridge.ci95)), bridge?.spearman, bridge?.n, bridge?.unscored],
  ]);
}

function noiseRows({ noise }: Results): Field[][] {
  return noise.map(({ judge, measure, within, flips }) => [
    ...[judge, measure, within?.answers, within?.verdicts, within?.sd],
    ...[flips?.flag, flips?.answers, flips?.mixed, flips?.rate.rate],
    ...(flips === null ? [] : intervals(flips.rate)),
  ]);
}
