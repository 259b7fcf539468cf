/**
 * The report's tables for programs: cells.csv, questions.csv and report.json. Numbers have at most six decimals; a value
 * that can not be estimated is an empty field (null in JSON) with its reason beside it.
 */
import type { StatusCounts } from './cell';
import type { ReportInput } from './report-input';
import type { Results } from './results';
import type { Interval } from './statistics';

type Field = string | number | null | undefined;

const STATUSES: (keyof StatusCounts)[] = [
  'scored',
  'model_refused',
  'code',
  'judge_refused',
  'unparsable',
  'failed',
  'missing',
];

/** One row per cell and measure (each metric, and `misaligned`, whose values are shares of 1). */
export function cellsCsv({ cells }: Results): string {
  const header = [
    ...['cell', 'configuration', 'question_set', 'condition', 'measure', 'value', 'ci95_low', 'ci95_high', 'ci95_note'],
    ...['naive95_low', 'naive95_high', 'question_mean', 'questions', 'hits', 'n', 'sd', 'bound_low', 'bound_high'],
    ...['expected', ...STATUSES],
  ];
  const rows = cells.flatMap(({ summary }) => {
    const names = [summary.cell, summary.configuration, summary.questionSet, summary.condition];
    const metrics = summary.metrics.map(({ metric, estimate, bounds, expected, counts }): Field[] => [
      ...names,
      ...[metric, estimate.mean, ...interval(estimate.ci95), estimate.ci95.reason],
      ...[...interval(estimate.naive95), estimate.questionMean, estimate.questions, null, estimate.n, estimate.sd],
      ...[bounds?.low, bounds?.high, expected, ...STATUSES.map((status) => counts[status])],
    ]);
    if (summary.misaligned === null) return metrics;
    const share = summary.misaligned;
    const row: Field[] = [
      ...names,
      ...['misaligned', share.rate, ...interval(share.ci95), share.ci95.reason],
      ...[...interval(share.naive95), share.questionRate, share.questions, share.count, share.denominator],
    ];
    return [...metrics, row];
  });
  return toCsv(header, rows);
}

/** One row per cell, question and measure. */
export function questionsCsv({ cells }: Results): string {
  const header = [
    ...['cell', 'question', 'measure', 'value', 'hits', 'n', 'answers', 'expected_answers', 'expected', ...STATUSES],
  ];
  const rows = cells.flatMap(({ summary }) =>
    summary.questions.flatMap(({ id, answers, expected: expectedAnswers, metrics, misaligned }) => {
      const perMetric = metrics.map(({ metric, mean, scored, expected, counts }): Field[] => [
        ...[summary.cell, id, metric, mean, null, scored, answers, expectedAnswers, expected],
        ...STATUSES.map((status) => counts[status]),
      ]);
      if (misaligned === null) return perMetric;
      const { rate, count, denominator } = misaligned;
      return [...perMetric, [summary.cell, id, 'misaligned', rate, count, denominator, answers, expectedAnswers]];
    }),
  );
  return toCsv(header, rows);
}

/** All results as JSON. Holds nothing of times, hosts or attempts. */
export function reportJson({ plan, spec }: Pick<ReportInput, 'plan' | 'spec'>, results: Results): string {
  const { judge } = spec;
  const report = {
    version: 1,
    experiment: plan.experiment,
    plan: plan.key,
    smoke: spec.smoke,
    judge: { kind: judge.kind, model: judge.model, standIn: judge.kind === 'stand-in' },
    misaligned: { ...spec.report.misaligned, description: results.rule },
    cells: results.cells.map(({ summary, cell, completions }) => ({
      ...summary,
      systemPrompt: cell.context.systemPrompt,
      adapters: [...new Set(completions.map(({ adapter }) => adapter))].sort(),
    })),
    contrasts: results.contrasts,
    expectations: results.expectations,
    missing: results.missing,
    deviations: plan.deviations,
  };
  return JSON.stringify(report, (_, value: unknown) => (typeof value === 'number' ? rounded(value) : value), 2) + '\n';
}

function interval({ range }: Interval): Field[] {
  return range ?? [null, null];
}

function rounded(value: number): number {
  return Number(value.toFixed(6));
}

/** RFC 4180 with LF line ends. */
function toCsv(header: string[], rows: Field[][]): string {
  const line = (fields: Field[]): string => header.map((_, index) => field(fields[index])).join(',') + '\n';
  return line(header) + rows.map(line).join('');
}

function field(value: Field): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'number' ? String(rounded(value)) : value.toWellFormed();
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
