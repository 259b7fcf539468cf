/**
 * How a configuration's cells came about along training: the same questions under the same prompt, asked of the adapter
 * after some of its optimizer steps and of the finished one.
 */
import type { Sha256 } from '../../experiment/canonical';
import { optimizerSteps } from '../../experiment/expand/length';
import type { ReportCell, Results } from '../results';

export interface SeriesPoint {
  /** Optimizer steps done, from 1. */
  step: number;
  cell: ReportCell;
}

/** One line of the chart: a configuration's cell; the last point is the finished adapter's. */
export interface TrainingSeries {
  /** The finished adapter's. */
  cell: ReportCell;
  points: SeriesPoint[];
}

/** One series for each cell that is evaluated along training, in the plan's order. */
export function trainingSeries({ cells, keptCells }: Pick<Results, 'cells' | 'keptCells'>): TrainingSeries[] {
  const place = ({ cell }: ReportCell): string => `${cell.configuration}/${cell.questionSet}/${cell.condition}`;
  return cells.flatMap((finished): TrainingSeries[] => {
    const { recipe } = finished.configuration;
    const kept = keptCells.filter((each) => place(each) === place(finished));
    if (recipe === null || kept.length === 0) return [];
    const points = [
      ...kept.map((cell) => ({ step: cell.cell.step as number, cell })),
      { step: optimizerSteps(recipe), cell: finished },
    ];
    return [{ cell: finished, points: points.sort((a, b) => a.step - b.step) }];
  });
}

/** What report.json says of it. */
export function trainingJson(results: Pick<Results, 'cells' | 'keptCells'>): {
  cell: string;
  steps: { step: number; cell: string; adapters: (Sha256 | null)[]; metrics: unknown; misaligned: unknown }[];
}[] {
  return trainingSeries(results).map(({ cell, points }) => ({
    cell: cell.cell.id,
    steps: points.map(({ step, cell: { summary, completions } }) => ({
      step,
      cell: summary.cell,
      adapters: [...new Set(completions.map(({ adapter }) => adapter))].sort(),
      metrics: summary.metrics,
      misaligned: summary.misaligned,
    })),
  }));
}
