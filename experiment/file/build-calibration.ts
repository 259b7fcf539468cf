/**
 * The calibration of an experiment file: which answers of known sign the judges are tried by.
 */
import { CALIBRATION, CALIBRATION_SETS } from '../calibration';
import { suggestion, type Issue } from '../issue';
import { ownValue } from '../records';
import { notADataset } from './build-mix';
import { fileSource } from './file-source';
import type { ExperimentYaml } from './schema';
import type { CalibrationSpec, DatasetSpec, MetricSpec } from '../spec';

export function buildCalibration(
  input: ExperimentYaml,
  datasets: Record<string, DatasetSpec>,
  metrics: MetricSpec[],
  issues: Issue[],
): CalibrationSpec | null {
  const written = input.calibration;
  if (written === undefined) return null;
  if (input.configurations[CALIBRATION] !== undefined) {
    issues.push({ path: ['configurations', CALIBRATION], atKey: true, message: 'this name is taken by `calibration`' });
  }
  for (const set of CALIBRATION_SETS) {
    if (written[set] === undefined || input.question_sets[set] === undefined) continue;
    issues.push({ path: ['question_sets', set], atKey: true, message: `this name is taken by \`calibration.${set}\`` });
  }
  for (const side of ['bad', 'good'] as const) {
    const named = written[side]?.dataset;
    if (named === undefined) continue;
    const path = ['calibration', side, 'dataset'];
    const dataset = ownValue(datasets, named);
    if (dataset === undefined) {
      issues.push({ path, ...notADataset(input, named) });
    } else if (dataset.holdOut === null) {
      issues.push({ path, message: `the dataset \`${named}\` holds nothing out`, hint: 'give it a `hold_out`' });
    }
  }
  if (metrics.length === 0) {
    issues.push({
      path: ['calibration'],
      message: 'no metric is judged: `calibration` tries judges, and a scorer does what its rule says',
      hint: 'leave it out',
    });
  }
  for (const { name, rubric } of metrics) {
    if (rubric.kind !== 'prompt' || rubric.questionSet !== null) continue;
    issues.push({
      path: ['metrics', name, 'rubric'],
      message: 'the answers of `calibration` bring no rubric along',
      hint: 'name the question file whose rubric serves for them: `question_set: …`',
    });
  }
  for (const metric of Object.keys(written.bridge?.columns ?? {})) {
    if (metrics.some(({ name }) => name === metric)) continue;
    const known = metrics.map(({ name }) => name);
    issues.push({
      path: ['calibration', 'bridge', 'columns', metric],
      atKey: true,
      message: `unknown metric \`${metric}\``,
      hint: suggestion(metric, known),
    });
  }
  const { bad, good, bridge } = written;
  return {
    bad: bad ?? null,
    good: good ?? null,
    bridge:
      bridge === undefined
        ? null
        : {
            file: fileSource(bridge),
            rows: bridge.rows,
            columns: bridge.columns ?? {},
          },
  };
}
