/**
 * What a calibration is called in a plan, and how the cells that try the judges are told from those that are results.
 */
import type { Plan, PlannedCell } from './plan';

/** Name of the configuration, and of its question sets. */
export const CALIBRATION = 'calibration';
export const CALIBRATION_SETS = ['bad', 'good', 'bridge'] as const;
export type CalibrationSetName = (typeof CALIBRATION_SETS)[number];

/** The plan without what is only there to try the judges. */
export function withoutCalibration(plan: Plan): Plan {
  if (plan.calibration === undefined) return plan;
  const sets: readonly string[] = CALIBRATION_SETS;
  return {
    ...plan,
    configurations: plan.configurations.filter(({ name }) => name !== CALIBRATION),
    questionSets: Object.fromEntries(Object.entries(plan.questionSets).filter(([name]) => !sets.includes(name))),
  };
}

/** Whether a cell of the plan is there to try the judges. */
export function isCalibration(plan: Plan, { configuration }: Pick<PlannedCell, 'configuration'>): boolean {
  return plan.calibration !== undefined && configuration === CALIBRATION;
}
