/**
 * An experiment's judges as its report takes them: the plan by the first judge alone, the others beside it, and what all
 * of them said about answers of known sign.
 */
import { isStandIn } from '../../experiment/stand-in';
import { withoutCalibration, isCalibration } from '../../experiment/calibration';
import { flattenMetrics } from '../../experiment/combined';
import { withoutKeptSteps } from '../../experiment/kept-steps';
import { judgeLabel, MAIN_JUDGE } from '../../experiment/main-judge';
import type { Plan } from '../../experiment/plan';
import type { JudgeSpec, Spec } from '../../experiment/spec';
import type { OtherJudge, ReportInput } from '../report-input';
import { calibrationOf } from './calibration';
import type { ReportRows } from './report-rows';

type Judged = Pick<ReportInput, 'plan' | 'cells' | 'mainJudge' | 'otherJudges' | 'calibration'>;

/** `cells`: those of the whole plan. Cells along training are another part of the report's input. */
export function judgedInput(plan: Plan, spec: Spec, cells: readonly ReportRows[]): Judged {
  const shown = cells.filter(({ cell }) => !isCalibration(plan, cell) && cell.step === undefined);
  const byId = new Map(shown.map(({ cell }) => [cell.id, cell]));
  const others = Object.entries(spec.judges ?? {}).map(([name, judge]) => otherJudge(name, judge, shown));
  const calibration = calibrationOf(plan, cells);
  const own = withoutKeptSteps(withoutCalibration(plan));
  return {
    plan: {
      ...own,
      configurations: own.configurations.map((configuration) => ({
        ...configuration,
        cells: configuration.cells.map((cell) => byId.get(cell.id) ?? cell),
      })),
    },
    cells: shown,
    mainJudge: { name: MAIN_JUDGE, label: judgeLabel(spec) },
    ...(others.length === 0 ? {} : { otherJudges: others }),
    ...(calibration.length === 0 ? {} : { calibration }),
  };
}

function otherJudge(name: string, judge: JudgeSpec, cells: readonly ReportRows[]): OtherJudge {
  return {
    name,
    label: judge.model,
    standIn: isStandIn(judge),
    cells: cells.flatMap(({ cell, planned, others }) => {
      const metrics = planned.metrics.filter((metric) => metric.judge === name);
      return metrics.length === 0
        ? []
        : [{ cell: cell.id, metrics: flattenMetrics(metrics), judgements: others[name] ?? [] }];
    }),
  };
}
