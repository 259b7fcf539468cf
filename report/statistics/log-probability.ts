/**
 * Log-probabilities of pairs, summed up: how much likelier a model finds the bad answer than the good one, under each
 * prompt condition, and how far that is from the base model's. No judge has a part in it.
 *
 * Pairs are taken as independent: each asks something else, and is one value.
 */
import type { Sha256 } from '../../experiment/canonical';
import { pairMeasurements } from '../../experiment/measurements';
import type { Plan, PlannedPairMeasurement } from '../../experiment/plan';
import type { AnswerLogProbability, MeasuredPair } from '../../experiment/rows';
import type { ReportSpec } from '../../experiment/spec';
import { againstBase } from './against-base';
import { meanOver, type MeanOver } from './mean-over';
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
  const places = new Map(measured.map((each) => [placeOf(each), each.rows]));
  const held = againstBase<PlannedPairMeasurement, MeasuredPair>(configurations, spec, {
    measurementsOf: pairMeasurements,
    rowsOf: (configuration, { condition }) => places.get(placeOf({ configuration, condition })) ?? null,
    expected: () => pairs.count,
    nouns: 'pairs',
  });
  return held.map(({ configuration, measurement: { condition }, rows, reference }): LogProbabilityResult => {
    const all = rows ?? [];
    return {
      configuration,
      condition,
      adapter: all[0]?.adapter ?? null,
      pairs: all.length,
      expected: pairs.count,
      bad: meanOrNull(all.map(({ bad }) => bad.mean)),
      good: meanOrNull(all.map(({ good }) => good.mean)),
      perToken: meanOver(all.map(difference('mean')), 'pair'),
      perAnswer: meanOver(all.map(difference('sum')), 'pair'),
      againstBase: rows === null || reference === null ? null : meanOver(paired(rows, reference), 'pair'),
    };
  });
}

function placeOf({ configuration, condition }: Omit<MeasuredCondition, 'rows'>): string {
  return JSON.stringify([configuration, condition]);
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
