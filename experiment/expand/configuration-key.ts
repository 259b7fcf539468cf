/**
 * What a configuration computes, as a key: equal key = nothing to change in a running workflow.
 */
import { canonicalJson, CanonicalText, keyOf, type Sha256 } from '../canonical';
import { MAIN_JUDGE } from '../main-judge';
import { measurementName } from '../measurements';
import type { PlannedCell, PlannedHandoff, PlannedMeasurement, PlannedMetric } from '../plan';

export function configurationKey(
  recipeKey: Sha256 | null,
  cells: readonly PlannedCell[],
  measurements: readonly PlannedMeasurement[] = [],
  handoffs: readonly PlannedHandoff[] = [],
): Sha256 {
  const measured = measurements.map((each) => ({ condition: measurementName(each), key: each.key }));
  return keyOf({
    recipe: recipeKey,
    cells: cells.map(cellIdentity),
    // only where there are some, so that a configuration without has the key that it always had
    ...(measured.length === 0 ? {} : { measurements: measured }),
    ...(handoffs.length === 0 ? {} : { handoffs: handoffs.map(({ handoff, key }) => ({ handoff, key })) }),
  });
}

/** A cell's work. The names of question set and condition take part, because results are published under them. */
function cellIdentity(cell: PlannedCell): unknown {
  const { questionSet, condition, contextKey, samplesPerQuestion, metrics, rowsOf } = cell;
  return {
    ...{ questionSet, condition, contextKey, samplesPerQuestion, metrics: metrics.map(metricIdentity) },
    // only where a table has an answer several times, so that other cells have the key that they always had
    ...(rowsOf === undefined ? {} : { rowsOf }),
  };
}

/**
 * A metric as keys see it. The main judge is not named in them, although plans name it: stored work has keys from when
 * it had no name, and a key must not change while the work that it stands for stays the same.
 */
function metricIdentity(metric: PlannedMetric): CanonicalText {
  let text = identities.get(metric);
  if (text === undefined) {
    const { judge, ...rest } = metric;
    text = new CanonicalText(canonicalJson(judge === MAIN_JUDGE ? rest : { ...rest, judge }));
    identities.set(metric, text);
  }
  return text;
}

/** The cells of a question set share its metrics, which name every question. */
const identities = new WeakMap<PlannedMetric, CanonicalText>();
