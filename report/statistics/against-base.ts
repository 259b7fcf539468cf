/**
 * Measurements of all configurations, each with what the base model has to the same under its default prompt.
 */
import { canonicalJson } from '../../experiment/canonical';
import { measurementName } from '../../experiment/measurements';
import type { PlannedConfiguration, PlannedMeasurement } from '../../experiment/plan';
import type { ReportSpec } from '../../experiment/spec';
import { referencesOf } from './references';

/** Which measurements there are, and what the store has of them. */
export interface Measuring<Measurement, Row> {
  measurementsOf: (configuration: PlannedConfiguration) => Measurement[];
  /** Null: not measured. */
  rowsOf: (configuration: string, measurement: Measurement) => readonly Row[] | null;
  /** How many rows a measurement has, and what they are called. */
  expected: (measurement: Measurement) => number;
  nouns: string;
}

export interface AgainstBase<Measurement, Row> {
  configuration: string;
  measurement: Measurement;
  /** Null: not measured. */
  rows: readonly Row[] | null;
  /** Of the base model under its default prompt; null for that itself, for another model, and where it is not measured. */
  reference: readonly Row[] | null;
}

/** In the order of the plan. Throws when a measurement has not as many rows as planned. */
export function againstBase<Measurement extends PlannedMeasurement, Row>(
  configurations: readonly PlannedConfiguration[],
  spec: Pick<ReportSpec, 'references'>,
  { measurementsOf, rowsOf, expected, nouns }: Measuring<Measurement, Row>,
): AgainstBase<Measurement, Row>[] {
  const references = referencesOf(configurations, spec);
  return configurations.flatMap((configuration) => {
    const { name } = configuration;
    // the untrained model under another prompt is held against itself
    const base = configuration.recipeKey === null ? configuration : references(configuration).base;
    const untrained = base === null ? [] : measurementsOf(base);
    return measurementsOf(configuration).map((measurement) => {
      const rows = rowsOf(name, measurement);
      if (rows !== null && rows.length !== expected(measurement)) {
        const found = `${rows.length} ${nouns} are measured, not ${expected(measurement)}`;
        throw new Error(`${name}, ${measurementName(measurement)}: ${found}`);
      }
      const same = measurementName({ ...measurement, condition: 'default' });
      const other = untrained.find((each) => measurementName(each) === same);
      const there =
        base === null || other === undefined || !isOfOneModel(measurement, other) ? null : rowsOf(base.name, other);
      return { configuration: name, measurement, rows, reference: rows === there ? null : there };
    });
  });
}

function isOfOneModel({ context: here }: PlannedMeasurement, { context: there }: PlannedMeasurement): boolean {
  return canonicalJson(here.model) === canonicalJson(there.model);
}
