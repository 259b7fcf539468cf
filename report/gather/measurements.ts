/**
 * Measured log-probabilities as the report takes them, and how they came about.
 */
import { z } from 'zod';
import { readDocument } from '../../artifacts/documents';
import { storedMeasurement, storedPairs } from '../../artifacts/measurements';
import type { Store } from '../../artifacts/store';
import type { Plan } from '../../experiment/plan';
import type { LogProbabilityFigures } from '../../workflows/messages';
import type { LogProbabilityResult, MeasuredCondition } from '../statistics/log-probability';
import type { MeasurementProvenance } from '../report-input';
import { probeOf } from './probes';

export interface Measured {
  conditions: MeasuredCondition[];
  provenance: MeasurementProvenance[];
}

const ATTEMPT = z.looseObject({ host: z.string(), device: z.string(), at: z.string() });

/** Null where the plan measures nothing. */
export async function readMeasured(store: Store, { pairs, configurations }: Plan): Promise<Measured | null> {
  if (pairs === undefined) return null;
  const measured: Measured = { conditions: [], provenance: [] };
  for (const { name: configuration, measurements = [] } of configurations) {
    for (const measurement of measurements) {
      const { condition, key } = measurement;
      const rows = await storedPairs(store, measurement);
      measured.conditions.push({ configuration, condition, rows });
      const manifest = await storedMeasurement(store, measurement);
      const attempt = manifest?.provenance['attempt'];
      if (manifest == null || attempt === undefined) continue;
      type Recorded = Pick<MeasurementProvenance, 'host' | 'device' | 'versions' | 'at'>;
      const recorded = await readDocument<Recorded>(store, attempt, ATTEMPT, 'record of an attempt');
      const { host, device, versions, at } = recorded;
      const seconds = Number(manifest.facts['seconds']);
      measured.provenance.push({
        configuration,
        ...probeOf(manifest),
        condition,
        key,
        host,
        device,
        versions,
        seconds,
        at,
      });
    }
  }
  return measured;
}

/** What commands print as JSON. */
export function figuresOf(results: readonly LogProbabilityResult[]): LogProbabilityFigures[] {
  return results.map(({ configuration, condition, pairs, perToken, perAnswer }) => ({
    configuration,
    condition,
    pairs,
    perToken: { mean: perToken.mean, standardError: perToken.standardError, ci95: perToken.ci95.range },
    perAnswer: { mean: perAnswer.mean, standardError: perAnswer.standardError, ci95: perAnswer.ci95.range },
  }));
}
