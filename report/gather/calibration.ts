/**
 * What the judges said about answers of known sign, as the report takes it.
 */
import { CALIBRATION_SETS, isCalibration, type CalibrationSetName } from '../../experiment/calibration';
import { flattenMetrics } from '../../experiment/combined';
import { MAIN_JUDGE } from '../../experiment/main-judge';
import type { Plan } from '../../experiment/plan';
import type { Judgement } from '../../experiment/rows';
import type { CalibrationSet, JudgeCalibration } from '../report-input';
import type { ReportRows } from './report-rows';

/** Empty where the plan has no calibration. */
export function calibrationOf(plan: Plan, cells: readonly ReportRows[]): JudgeCalibration[] {
  const tried = cells.filter(({ cell }) => isCalibration(plan, cell));
  const judges = [...new Set(tried.flatMap(({ planned }) => planned.metrics.map(({ judge }) => judge)))];
  return judges.map((judge) => ({
    judge,
    sets: tried.flatMap((rows) => setsOf(plan, rows, judge)),
  }));
}

function setsOf(plan: Plan, rows: ReportRows, judge: string): CalibrationSet[] {
  const name = rows.cell.questionSet as CalibrationSetName;
  if (!CALIBRATION_SETS.includes(name)) return [];
  const judgements: readonly Judgement[] = judge === MAIN_JUDGE ? rows.judgements : (rows.others[judge] ?? []);
  const metrics = flattenMetrics(rows.planned.metrics.filter((metric) => metric.judge === judge));
  return metrics.flatMap(({ metric }): CalibrationSet[] => {
    const references = plan.calibration?.references[metric];
    // without published scores there is nothing to compare with
    if (name === 'bridge' && references === undefined) return [];
    const scored = new Map(
      judgements.flatMap((row) => (row.metric === metric && row.repeat === 0 ? [[row.completion, row.score]] : [])),
    );
    const scores = rows.completions.map(({ id }) => scored.get(id) ?? null);
    const items = rows.completions.map(({ question }) => question);
    const reference =
      name === 'bridge' ? { reference: rows.completions.map(({ id }) => references?.[id] ?? null) } : {};
    return [{ name, metric, scores, items, ...reference }];
  });
}
