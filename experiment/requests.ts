/**
 * Which requests a cell makes to its judges: how often each completion is judged, and how many requests that is.
 */
import { sha256, type Sha256 } from './canonical';
import type { PlannedCell, PlannedMetric } from './plan';
import { completionId } from './rows';
import { samplesOf } from './shards';

type Repeating = Pick<PlannedMetric, 'repeats' | 'repeatShare' | 'completions'>;

/**
 * How often a metric judges a completion; 0 where it does not. Which completions are repeated is random but fixed: a
 * larger share contains a smaller one, and all metrics of a share repeat the same completions.
 */
export function repeatsOf({ repeats, repeatShare = 1, completions }: Repeating): (completion: Sha256) => number {
  const only = completions === undefined ? null : new Set(completions);
  return (completion) => {
    if (only !== null && !only.has(completion)) return 0;
    return repeats === 1 || repeatShare >= 1 || fraction(completion) < repeatShare ? repeats : 1;
  };
}

/** A number in [0,1), evenly spread over completions. */
function fraction(completion: Sha256): number {
  return Number.parseInt(sha256(`repeat ${completion}`).slice(0, 12), 16) / 2 ** 48;
}

type Asking = Pick<PlannedCell, 'contextKey' | 'samplesPerQuestion' | 'samplesOf'>;

/** Counts the requests of one metric about the samples of a question. */
export function requestCounter(metric: Repeating): (cell: Asking, question: Sha256) => number {
  if (isUniform(metric)) return (cell, question) => samplesOf(cell, question) * metric.repeats;
  const times = repeatsOf(metric);
  return (cell, question) => {
    const samples = samplesOf(cell, question);
    let requests = 0;
    for (let sample = 0; sample < samples; sample++) {
      requests += times(completionId(cell.contextKey, question, sample));
    }
    return requests;
  };
}

/** Requests of a cell by instrument. */
export function requestsByInstrument(cell: Asking & Pick<PlannedCell, 'metrics'>): Map<Sha256, number> {
  const counts = new Map<Sha256, number>();
  for (const metric of cell.metrics) {
    const requests = requestCounter(metric);
    // a loop over names: of a million questions a list of pairs is most of the work
    for (const question in metric.instrumentOf) {
      const instrument = metric.instrumentOf[question] as Sha256;
      counts.set(instrument, (counts.get(instrument) ?? 0) + requests(cell, question));
    }
  }
  return counts;
}

/** All requests of a cell, of all judges. */
export function requestsOf(cell: Asking & Pick<PlannedCell, 'metrics'>): number {
  return cell.metrics.reduce((total, metric) => {
    if (isUniform(metric) && cell.samplesOf === undefined)
      return total + cell.samplesPerQuestion * metric.repeats * Object.keys(metric.instrumentOf).length;
    const counts = requestsByInstrument({ ...cell, metrics: [metric] }).values();
    return [...counts].reduce((sum, count) => sum + count, total);
  }, 0);
}

/** Whether every completion is judged equally often. */
export function isUniform({ repeats, repeatShare = 1, completions }: Repeating): boolean {
  return completions === undefined && (repeats === 1 || repeatShare >= 1);
}
