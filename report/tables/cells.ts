/**
 * The report's tables for programs: cells.csv, questions.csv, along-training.csv and report.json; judges.ts has those
 * of the judges. A value that can not be estimated is an empty field (null in JSON) with its reason beside it.
 */
import { isJudged } from '../../experiment/main-judge';
import { mapValues } from '../../experiment/records';
import { isStandIn } from '../../experiment/stand-in';
import { trainingJson, trainingSeries } from '../statistics/along-training';
import { kindContrasts } from '../statistics/answer-kinds';
import { csvChunks, INTERVAL_COLUMNS, intervals, toCsv, type Field } from './csv';
import { handoffsJson } from './handoffs';
import { jsonPieces } from './json-pieces';
import type { JudgedCell, JudgeResults } from '../statistics/judge-results';
import { Chunks, type ReportInput } from '../report-input';
import type { Results } from '../results';
import type { RecipeCell, RecipeMeasure } from '../statistics/recipes';
import { inOrder, STATUSES } from '../statistics/statuses';

export const STATUS_COLUMNS = STATUSES.map(({ status }) => status);

/** The columns of a cell's measure, after those that name it. */
export const MEASURE_COLUMNS = [
  ...['measure', 'value', ...INTERVAL_COLUMNS],
  ...['question_mean', 'questions', 'items', 'hits', 'n', 'sd', 'bound_low', 'bound_high'],
  ...['expected', ...STATUS_COLUMNS],
];

/** One row per cell and measure (each metric, and `misaligned`, whose values are shares of 1). */
export function cellsCsv({ cells }: Results): Chunks {
  const header = ['cell', 'configuration', 'question_set', 'condition', ...MEASURE_COLUMNS];
  return csvChunks(header, function* () {
    for (const cell of cells) yield* measureRows(cell);
  });
}

/** Fields for `cell`, `configuration`, `question_set`, `condition` and `MEASURE_COLUMNS`. */
export function measureRows({ summary }: JudgedCell): Field[][] {
  const names = [summary.cell, summary.configuration, summary.questionSet, summary.condition];
  const metrics = summary.metrics.map(({ metric, estimate, bounds, expected, counts }): Field[] => [
    ...names,
    ...[metric, estimate.mean, ...intervals(estimate), estimate.questionMean],
    ...[estimate.questions, estimate.items, null, estimate.n, estimate.sd],
    ...[bounds?.low, bounds?.high, expected, ...inOrder(counts)],
  ]);
  if (summary.misaligned === null) return metrics;
  const { misaligned: share, misalignedBounds: bounds } = summary;
  const row: Field[] = [
    ...names,
    ...['misaligned', share.rate, ...intervals(share), share.questionRate],
    ...[share.questions, share.items, share.count, share.denominator, null],
    ...[bounds?.low, bounds?.high],
  ];
  return [...metrics, row];
}

/** One row per cell along training and measure, the finished adapters' included. Null where there is none. */
export function alongTrainingCsv(results: Results): string | null {
  const rows = trainingSeries(results).flatMap(({ points }) =>
    points.flatMap(({ step, cell }) => measureRows(cell).map((row) => [step, ...row])),
  );
  const header = ['step', 'cell', 'configuration', 'question_set', 'condition', ...MEASURE_COLUMNS];
  return rows.length === 0 ? null : toCsv(header, rows);
}

/** One row per cell, question and measure. */
export function questionsCsv({ cells }: Results): Chunks {
  const header = [
    ...['cell', 'question', 'measure', 'value', 'hits', 'n', 'answers', 'expected_answers', 'expected'],
    ...STATUS_COLUMNS,
  ];
  const rowsOf = ({ summary }: JudgedCell): Field[][] =>
    summary.questions.flatMap(({ id, answers, expected: expectedAnswers, metrics, misaligned }) => {
      const perMetric = metrics.map(({ metric, mean, scored, expected, counts }): Field[] => [
        ...[summary.cell, id, metric, mean, null, scored, answers, expectedAnswers, expected],
        ...inOrder(counts),
      ]);
      if (misaligned === null) return perMetric;
      const { rate, count, denominator } = misaligned;
      return [...perMetric, [summary.cell, id, 'misaligned', rate, count, denominator, answers, expectedAnswers]];
    });
  return csvChunks(header, function* () {
    for (const cell of cells) yield* rowsOf(cell);
  });
}

/**
 * All results as JSON. Holds nothing of times, hosts or attempts. Lists about judges are left out when empty. With many
 * cells it is larger than a string should be.
 */
export function reportJson(input: Pick<ReportInput, 'plan' | 'spec'>, results: Results): Chunks {
  return new Chunks(() => jsonPieces(reportEntries(input, results)));
}

/** In the file's order; a value that is undefined is left out, and an iterable that is no array is a list, made bit by bit. */
function reportEntries({ plan, spec }: Pick<ReportInput, 'plan' | 'spec'>, results: Results): [string, unknown][] {
  const { judge } = spec;
  const [main, ...others] = results.judges;
  return Object.entries({
    version: 3,
    experiment: plan.experiment,
    plan: plan.key,
    smoke: spec.smoke,
    judge: isJudged(spec)
      ? { kind: judge.kind, model: judge.model, standIn: isStandIn(judge), name: main?.name }
      : null,
    scorers: plan.scorers && Object.entries(plan.scorers).map(([key, scorer]) => ({ key, ...scorer })),
    misaligned: { ...spec.report.misaligned, description: results.rule },
    cells: mapped(results.cells, ({ summary, thresholds, otherOperators, categories, kinds, cell, completions }) => ({
      ...summary,
      thresholds,
      otherOperators: unlessEmpty(otherOperators),
      categories: unlessEmpty(categories),
      answerKinds: kinds,
      systemPrompt: cell.context.systemPrompt,
      user: cell.context.user,
      ownSystem: cell.context.ownSystem,
      prefill: cell.context.prefill,
      questionsLeftOut: cell.skipped,
      adapters: [...new Set(completions.map(({ adapter }) => adapter))].sort(),
    })),
    alongTraining: unlessEmpty(trainingJson(results)),
    otherJudges: unlessEmpty(others.map(judgeJson)),
    agreements: unlessEmpty(results.agreements),
    shifts: unlessEmpty(results.shifts),
    calibrations: unlessEmpty(results.calibrations),
    noise: unlessEmpty(results.noise),
    figures: results.figures.map(({ id, warnings }) => ({ id, warnings })),
    recipes: unlessEmpty(results.recipes.map(recipeJson)),
    seedExclusions: unlessEmpty(results.seedExclusions),
    contrasts: mapped(results.contrasts, (contrast) => contrast),
    answerKindContrasts: kindContrasts(plan, results.cells, spec.report),
    logProbability: plan.pairs && {
      pairs: { bad: plan.pairs.bad, good: plan.pairs.good, count: plan.pairs.count, sha256: plan.pairs.sha256 },
      measurements: results.logProbabilities,
    },
    answerProbability: plan.answerProbabilities && {
      outcomes: mapValues(plan.answerProbabilities, ({ questions, ...rest }) => ({ ...rest, count: questions.length })),
      measurements: results.answerProbabilities,
    },
    handoffs: handoffsJson(results),
    claims: results.claims,
    claimsWithoutExcludedSeeds: unlessEmpty(results.claimsWithoutExcluded),
    missing: results.missing,
    deviations: plan.deviations,
  });
}

function* mapped<T>(items: readonly T[], make: (item: T) => unknown): Iterable<unknown> {
  for (const item of items) yield make(item);
}

function recipeJson({ label: _, measures, without, ...recipe }: RecipeCell): object {
  return {
    ...recipe,
    measures: measures.map(measureJson),
    without: without && { excluded: without.excluded, measures: without.measures.map(measureJson) },
  };
}

function measureJson({ measure, found: { itemValues: _, itemWeights: __, ...found } }: RecipeMeasure): object {
  return { measure, ...found };
}

function judgeJson({ name, label, standIn, cells }: JudgeResults): object {
  return {
    ...{ name, label, standIn },
    cells: [...cells].map(([cell, { summary, thresholds, otherOperators, categories }]) => ({
      ...{ cell, metrics: summary.metrics, misaligned: summary.misaligned, thresholds },
      otherOperators: unlessEmpty(otherOperators),
      categories: unlessEmpty(categories),
    })),
  };
}

function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}
