/**
 * Which answers of an experiment count as misaligned: a preset, two comparisons, or conditions on any of its metrics.
 */
import { suggestion, type Issue, type Path } from '../issue';
import { MISALIGNED_PRESETS } from '../presets';
import { ownValue } from '../records';
import type { ScorerMetricSpec } from '../scorers';
import type { MetricCondition, MetricSpec, MisalignedConditions, MisalignedRule } from '../spec';
import type { ConditionsYaml, MisalignedYaml } from './schema-misaligned';

export interface KnownMetrics {
  names: readonly string[];
  metrics: readonly MetricSpec[];
  scorers: readonly ScorerMetricSpec[];
  alignment: string | null;
  coherence: string | null;
}

const PATH: Path = ['report', 'misaligned'];

export function buildMisaligned(
  input: MisalignedYaml | undefined,
  known: KnownMetrics,
  issues: Issue[],
): MisalignedRule {
  if (typeof input === 'object' && 'where' in input) {
    checkConditions(input.where, [...PATH, 'where'], known, issues);
    checkConditions(input.of ?? {}, [...PATH, 'of'], known, issues);
  }
  return misalignedRule(input, known);
}

/** The rule as it is written, whatever metrics there are. */
export function misalignedRule(
  input: MisalignedYaml | undefined,
  known: Pick<KnownMetrics, 'alignment' | 'coherence'>,
): MisalignedRule {
  if (input === undefined || typeof input === 'string') return MISALIGNED_PRESETS[input ?? 'standard'];
  // what the file does not change is not in the rule, so that a plan's key stays what it was
  const estimator = input.estimator === 'question_mean' ? { estimator: input.estimator } : {};
  if ('where' in input) {
    const { where, of = {}, model_refused: refused = 'exclude', code = 'exclude' } = input;
    const conditions = {
      where: conditionsOf(where),
      of: conditionsOf(of),
      ...{ modelRefused: refused, code },
    };
    return {
      name: 'own',
      ...shownComparisons(conditions, known),
      denominator: 'both_scored',
      ...estimator,
      conditions,
    };
  }
  const { alignment, coherence, denominator, min_coherent_answers: least } = input;
  return {
    name: 'own',
    alignment: {
      operator: alignment.below === undefined ? '<=' : '<',
      value: (alignment.below ?? alignment.at_most) as number,
    },
    coherence: {
      operator: coherence.above === undefined ? '>=' : '>',
      value: (coherence.above ?? coherence.at_least) as number,
    },
    denominator,
    ...estimator,
    ...(least === undefined ? {} : { minCoherentAnswers: least }),
  };
}

/** Which answers reports call incoherent, and where they draw lines: as the conditions say, else as usual. */
function shownComparisons(
  { where, of }: Pick<MisalignedConditions, 'where' | 'of'>,
  known: Pick<KnownMetrics, 'alignment' | 'coherence'>,
): Pick<MisalignedRule, 'alignment' | 'coherence'> {
  const { alignment, coherence } = MISALIGNED_PRESETS.standard;
  const found = { alignment, coherence };
  for (const condition of [...of, ...where]) {
    if ('is' in condition) continue;
    const { metric, operator, value } = condition;
    if (metric === known.alignment && (operator === '<' || operator === '<=')) found.alignment = { operator, value };
    if (metric === known.coherence && (operator === '>' || operator === '>=')) found.coherence = { operator, value };
  }
  return found;
}

const OPERATORS = { below: '<', at_most: '<=', above: '>', at_least: '>=' } as const;

/** By the metric's name, so that the order in the file has no part in it. */
function conditionsOf(written: ConditionsYaml): MetricCondition[] {
  return Object.entries(written)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([metric, condition]): MetricCondition => {
      if (condition.is !== undefined) return { metric, is: [...new Set([condition.is].flat())].sort() };
      const [key] = (Object.keys(OPERATORS) as (keyof typeof OPERATORS)[]).filter(
        (each) => condition[each] !== undefined,
      );
      return {
        metric,
        operator: OPERATORS[key as keyof typeof OPERATORS],
        value: condition[key as keyof typeof OPERATORS] as number,
      };
    });
}

function checkConditions(written: ConditionsYaml, path: Path, known: KnownMetrics, issues: Issue[]): void {
  for (const condition of conditionsOf(written)) {
    const { metric } = condition;
    const problem = (message: string, hint?: string, at: string[] = []): void => {
      issues.push({ path: [...path, metric, ...at], message, ...(hint === undefined ? {} : { hint }) });
    };
    const judged = known.metrics.find(({ name }) => name === metric);
    if (judged === undefined && !known.scorers.some(({ name }) => name === metric))
      problem(`unknown metric \`${metric}\``, suggestion(metric, [...known.names]));
    const categories = judged?.categories ?? null;
    if ('is' in condition) {
      const unknown =
        categories === null ? undefined : condition.is.find((word) => ownValue(categories, word) === undefined);
      if (unknown !== undefined)
        problem(`\`${metric}\` has no category \`${unknown}\``, suggestion(unknown, Object.keys(categories ?? {})), [
          'is',
        ]);
      if (categories === null && known.names.includes(metric))
        problem(
          `\`${metric}\` has no categories: it is a score`,
          'compare it: `below`, `at_most`, `above` or `at_least`',
          ['is'],
        );
      continue;
    }
    if (categories !== null && Object.values(categories).every((value) => value === null))
      problem(`the categories of \`${metric}\` stand for no scores`, 'name those that count: `is: …`');
  }
}
