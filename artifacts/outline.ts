/**
 * What the workflows need to know of a plan, given what the store already holds.
 */
import type { PlannedCell, PlannedConfiguration } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import type { ConfigurationOutline } from '../workflows/messages';
import { queueOf } from './plans';
import { judgesWithWork, type Reuse } from './reuse';

/** Where judges have to be ready before any GPU works. */
export function queuesToJudge(spec: Spec, reuse: Reuse): string[] {
  return [...new Set(judgesWithWork(reuse).map((judge) => queueOf(spec, judge)))];
}

/**
 * Where the store holds all answers and measurements, nothing is left for a GPU: neither generating nor the fine-tune
 * that they came from is asked for, so that judging again needs no GPU worker.
 */
export function configurationOutline(configuration: PlannedConfiguration, reuse: Reuse): ConfigurationOutline {
  const { name, label, key, recipeKey, cells, measurements = [] } = configuration;
  const answersStored = (cell: PlannedCell): boolean => reuse.cells[cell.id]?.completions === cell.completions;
  const unmeasured = measurements.filter((measurement) => !reuse.measured.includes(measurement.key));
  return {
    name,
    label,
    key,
    recipeKey: cells.every(answersStored) && unmeasured.length === 0 ? null : recipeKey,
    measurements: unmeasured.map(({ condition }) => condition),
    cells: cells.map((cell) => ({
      id: cell.id,
      completions: cell.completions,
      judgements: cell.judgements,
      answersStored: answersStored(cell),
    })),
  };
}
