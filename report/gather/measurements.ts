/**
 * Measured log-probabilities, of pairs and of answers, as the report takes them, and how they came about.
 */
import { z } from 'zod';
import { readDocument } from '../../artifacts/documents';
import { storedMeasurement, storedMeasures } from '../../artifacts/measurements';
import type { Store } from '../../artifacts/store';
import { isOfAnswers, measurementName } from '../../experiment/measurements';
import type { Plan } from '../../experiment/plan';
import type { AnswerProbabilityFigures, LogProbabilityFigures } from '../../workflows/messages';
import type { AnsweredCondition, AnswerProbabilityResult } from '../statistics/answer-probability';
import type { LogProbabilityResult, MeasuredCondition } from '../statistics/log-probability';
import type { MeasurementProvenance } from '../report-input';
import { probeOf } from './probes';

export interface Measured {
  /** Of the plan's pairs; null where it has none. */
  pairs: MeasuredCondition[] | null;
  /** Of answers; null where the plan measures none. */
  answers: AnsweredCondition[] | null;
  provenance: MeasurementProvenance[];
}

const ATTEMPT = z.looseObject({ host: z.string(), device: z.string(), at: z.string() });

/** Null where the plan measures nothing. */
export async function readMeasured(store: Store, plan: Plan): Promise<Measured | null> {
  const { pairs, answerProbabilities, configurations } = plan;
  if (pairs === undefined && answerProbabilities === undefined) return null;
  const measured: Measured = {
    pairs: pairs === undefined ? null : [],
    answers: answerProbabilities === undefined ? null : [],
    provenance: [],
  };
  for (const { name: configuration, measurements = [] } of configurations) {
    for (const measurement of measurements) {
      const { condition, key } = measurement;
      if (isOfAnswers(measurement)) {
        const { outcome } = measurement;
        const rows = await storedMeasures(store, measurement);
        measured.answers?.push({ outcome, configuration, condition, rows });
      } else {
        measured.pairs?.push({ configuration, condition, rows: await storedMeasures(store, measurement) });
      }
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
        condition: measurementName(measurement),
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

/** What commands print as JSON. */
export function answerFiguresOf(results: readonly AnswerProbabilityResult[]): AnswerProbabilityFigures[] {
  return results.map(({ outcome, configuration, condition, answer, valued, value }) => ({
    ...{ outcome, configuration, condition, answer, questions: valued },
    ...{ mean: value.mean, standardError: value.standardError, ci95: value.ci95.range },
  }));
}
