/**
 * What a report is built from, gathered from the store: the rows of the cells as the judges see them, and how all of it
 * came about.
 */
import { healedInPlan } from '../../artifacts/healed-in-plan';
import { hostname } from 'node:os';
import type { CellRows } from '../../artifacts/cells';
import type { FailedConfiguration } from '../../artifacts/experiments';
import type { StoredPlan } from '../../artifacts/plans';
import type { Store } from '../../artifacts/store';
import type { ProgramVersion, ReportInput } from '../report-input';
import { completionProvenance } from './completions';
import { alongTrainingInput, fineTuneProvenance } from './fine-tunes';
import { costsOf, readJudging } from './judging';
import { judgedInput } from './judges';
import { judgingCounts } from './judging-counts';
import { unreadMetrics } from './unread';
import { readMeasured } from './measurements';
import { trainingLogs } from './training-logs';

/** `cells`: those of the whole plan. */
export async function gather(
  store: Store,
  { plan, spec, source, overrides }: StoredPlan,
  cells: readonly CellRows[],
  { failed, version }: { failed: readonly FailedConfiguration[]; version: ProgramVersion },
): Promise<ReportInput> {
  const judged = await Promise.all(cells.map((rows) => readJudging(store, spec, rows)));
  const measured = await readMeasured(store, plan);
  const completed = await Promise.all(cells.map((rows) => completionProvenance(store, rows)));
  const healed = await healedInPlan(store, plan);
  return {
    ...judgedInput(plan, spec, cells),
    ...(measured && { logProbabilities: measured.conditions }),
    ...(await alongTrainingInput(store, plan, cells)),
    spec,
    failures: failed.map(({ name, failure }) => ({ configuration: name, cell: null, message: failure })),
    trainingLogs: await trainingLogs(store, plan.configurations),
    provenance: {
      builtAt: new Date().toISOString(),
      host: hostname(),
      flamingo: version,
      file: { path: source.file, text: source.text },
      overrides,
      fineTunes: await fineTuneProvenance(store, plan.configurations),
      cells: completed,
      judging: judged.map(({ provenance }) => provenance),
      ...(measured && { measurements: measured.provenance }),
      ...(healed.length > 0 && { healed }),
    },
    costs: costsOf(spec, judged),
    judgingCounts: await judgingCounts(store, cells),
    unread: unreadMetrics(cells),
  };
}
