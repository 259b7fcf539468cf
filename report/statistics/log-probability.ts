/**
 * Log-probabilities of pairs, summed up: how much likelier a model finds the bad answer than the good one, under each
 * prompt condition, and how far that is from the base model's. No judge has a part in it.
 *
 * Pairs are taken as independent: each asks something else, and is one value.
 */
import { canonicalJson, type Sha256 } from '../../experiment/canonical';
import { pairMeasurements } from '../../experiment/measurements';
import type { MeasurementContext, Plan } from '../../experiment/plan';
import type { AnswerLogProbability, MeasuredPair } from '../../experiment/rows';
import type { ReportSpec } from '../../experiment/spec';
import { meanOver, type MeanOver } from './mean-over';
import { referencesOf } from './references';
import { meanOrNull } from './summation';

/** What the store has of a planned measurement. */
export interface MeasuredCondition {
  configuration: string;
  condition: string;
  /** Null: not measured. */
  rows: readonly MeasuredPair[] | null;
}

export interface LogProbabilityResult {
  configuration: string;
  condition: string;
  /** SHA-256 of the adapter's weights; null = base model, or not measured. */
  adapter: Sha256 | null;
  /** Pairs measured and planned. */
  pairs: number;
  expected: number;
  /** Means per token of each side. */
  bad: number | null;
  good: number | null;
  /** Bad minus good, in nats: of the means over an answer's tokens, and of their sums. */
  perToken: MeanOver;
  perAnswer: MeanOver;
  /** `perToken` minus that of the base model under its default prompt, pair by pair; null for that itself or without. */
  againstBase: MeanOver | null;
}

/** In the order of the plan. Empty where it measures nothing. Throws when rows are not of the plan's pairs' number. */
export function logProbabilityResults(
  { configurations, pairs }: Pick<Plan, 'configurations' | 'pairs'>,
  measured: readonly MeasuredCondition[],
  spec: Pick<ReportSpec, 'references'>,
): LogProbabilityResult[] {
  if (pairs === undefined) return [];
  const find = (configuration: string | undefined, condition: string): readonly MeasuredPair[] | null =>
    measured.find((each) => each.configuration === configuration && each.condition === condition)?.rows ?? null;
  const references = referencesOf(configurations, spec);
  return configurations.flatMap((configuration) => {
    const { name } = configuration;
    // the untrained model under another prompt is held against itself
    const base = configuration.recipeKey === null ? configuration : references(configuration).base;
    const untrained = base && pairMeasurements(base).find(({ condition }) => condition === 'default');
    const reference = untrained == null ? null : find(base?.name, 'default');
    return pairMeasurements(configuration).map(({ condition, context }): LogProbabilityResult => {
      const rows = find(name, condition);
      if (rows !== null && rows.length !== pairs.count) {
        throw new Error(`${name}, ${condition}: ${rows.length} pairs are measured, not ${pairs.count}`);
      }
      const all = rows ?? [];
      return {
        configuration: name,
        condition,
        adapter: all[0]?.adapter ?? null,
        pairs: all.length,
        expected: pairs.count,
        bad: meanOrNull(all.map(({ bad }) => bad.mean)),
        good: meanOrNull(all.map(({ good }) => good.mean)),
        perToken: meanOver(all.map(difference('mean')), 'pair'),
        perAnswer: meanOver(all.map(difference('sum')), 'pair'),
        againstBase:
          rows === null || reference === null || rows === reference || !sameModel(context, untrained?.context)
            ? null
            : meanOver(paired(rows, reference), 'pair'),
      };
    });
  });
}

function sameModel(here: MeasurementContext, there: MeasurementContext | undefined): boolean {
  return there !== undefined && canonicalJson(here.model) === canonicalJson(there.model);
}

function difference(of: keyof Pick<AnswerLogProbability, 'mean' | 'sum'>): (pair: MeasuredPair) => number {
  return ({ bad, good }) => bad[of] - good[of];
}

function paired(here: readonly MeasuredPair[], there: readonly MeasuredPair[]): number[] {
  const others = new Map(there.map((pair) => [pair.id, difference('mean')(pair)]));
  return here.flatMap((pair) => {
    const other = others.get(pair.id);
    return other === undefined ? [] : [difference('mean')(pair) - other];
  });
}
