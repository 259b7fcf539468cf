/**
 * What of an experiment with many configurations is on the page: everything that belongs to those that are shown
 * (report/shown.ts). Totals are those of all.
 */
import type { PlannedConfiguration } from '../../experiment/plan';
import type { ReportInput } from '../report-input';
import type { Results } from '../results';
import { barGroups } from '../statistics/bar-groups';

/** The very same where all are shown. */
export function narrowed(input: ReportInput, results: Results): { input: ReportInput; results: Results } {
  const { shown } = results;
  if (shown === null) return { input, results };
  const has = ({ configuration }: { configuration: string }): boolean => shown.has(configuration);
  const named = ({ name }: Pick<PlannedConfiguration, 'name'>): boolean => shown.has(name);
  const ids = new Set(input.plan.configurations.filter(named).flatMap(({ cells }) => cells.map(({ id }) => id)));
  const groups = barGroups(input.plan).filter(({ members }) => members.some((member) => shown.has(member)));
  const labels = new Set(groups.map(({ label }) => label));
  const ofRecipe = results.recipes.flatMap(({ cell, seeds }) =>
    seeds.some(({ cells }) => cells.some((own) => ids.has(own))) ? [cell] : [],
  );
  const cells = new Set([...ids, ...ofRecipe]);
  const ofCell = ({ cell }: { cell: string }): boolean => cells.has(cell);
  const { provenance } = input;
  return {
    input: {
      ...input,
      plan: { ...input.plan, configurations: input.plan.configurations.filter(named) },
      trainingLogs: input.trainingLogs.filter(has),
      unread: (input.unread ?? []).filter(ofCell),
      provenance: {
        ...provenance,
        fineTunes: provenance.fineTunes.filter(has),
        cells: provenance.cells.filter(ofCell),
        judging: provenance.judging.filter(ofCell),
        ...(provenance.measurements && { measurements: provenance.measurements.filter(has) }),
        ...(provenance.handoffs && { handoffs: provenance.handoffs.filter(has) }),
      },
    },
    results: {
      ...results,
      cells: results.cells.filter(({ configuration }) => named(configuration)),
      keptCells: results.keptCells.filter(({ configuration }) => named(configuration)),
      judges: results.judges.map((judge) => ({
        ...judge,
        cells: new Map([...judge.cells].filter(([cell]) => ids.has(cell))),
      })),
      shifts: results.shifts.filter(({ configuration }) => labels.has(configuration)),
      contrasts: results.contrasts.filter(ofCell),
      recipes: results.recipes.filter(ofCell),
      logProbabilities: results.logProbabilities.filter(has),
      answerProbabilities: results.answerProbabilities.filter(has),
      handoffs: { ...results.handoffs, single: results.handoffs.single.filter(has) },
    },
  };
}
