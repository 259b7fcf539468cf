/**
 * The report of a stored plan, from the store alone: gathers what the store has, computes the results, builds the files
 * from them and writes these where people read them. The workflow's last activity and `flamingo report` call it.
 */
import { join } from 'node:path';
import type { CellRows } from '../artifacts/cells';
import { eachContext } from '../artifacts/contexts';
import { healedInPlan } from '../artifacts/healed-in-plan';
import { recordCounted, recordedExperiment, recordFailures, type FailedConfiguration } from '../artifacts/experiments';
import type { StoredPlan } from '../artifacts/plans';
import { countCell, reuseOf, type CellCount, type Reuse } from '../artifacts/reuse';
import type { Store } from '../artifacts/store';
import { Turns } from '../artifacts/turns';
import type { ArtifactRef, Plan } from '../experiment/plan';
import type { ExperimentOutcome } from '../workflows/messages';
import { buildFiles } from './build-files';
import { withDrawing, type DrawAll } from './figures/render';
import { Gathering } from './gather/gather';
import { unreadMetrics } from './gather/unread';
import { answerFiguresOf, figuresOf } from './gather/measurements';
import { publishCell } from './publish';
import type { ProgramVersion } from './report-input';
import { collectGarbage } from './collect-garbage.cjs';
import { resultsInSteps } from './results';
import { countExpectations, countVerdicts } from './statistics/claims';
import { writeReportFiles } from './write-files';

export interface ReportRequest {
  /** Where the plan lies, so that what the store holds of it is recorded for `status`. */
  plan?: ArtifactRef;
  output: string;
  /** Version and commit of the program that runs, for the provenance. */
  version: () => Promise<ProgramVersion>;
  /** What became of each configuration; recorded in the store. Without it, what the latest run recorded. */
  results?: { name: string; failure?: string }[];
}

type WrittenReport = NonNullable<ExperimentOutcome['report']>;

/** Rows of every cell and the report: all that an experiment's results folder holds. */
export async function writeResults(store: Store, stored: StoredPlan, request: ReportRequest): Promise<WrittenReport> {
  return withDrawing(async (draw) => {
    const gathered = await gather(store, stored, request.output, () => true);
    return build(gathered, request, draw);
  });
}

/** What a report is built from, and how much of the plan it is: whoever counts has read all of it. */
export interface GatheredResults {
  reuse(): Promise<Reuse>;
  /** Builds the report. */
  write(request: Omit<ReportRequest, 'output'>): Promise<WrittenReport>;
}

/** Writes the rows of every cell, and reads all that the report takes. */
export async function gatherResults(store: Store, stored: StoredPlan, output: string): Promise<GatheredResults> {
  const gathered = await gather(store, stored, output, () => true);
  return {
    reuse: () => reuseOf(store, stored.plan, gathered.counted),
    write: (request) => withDrawing((draw) => build(gathered, { ...request, output }, draw)),
  };
}

/**
 * The report at a run's end, whose cells were published as they were done: those that are not in this folder, because
 * another one was named meanwhile, are put there, too.
 */
export async function writeReport(store: Store, stored: StoredPlan, request: ReportRequest): Promise<WrittenReport> {
  return withDrawing(async (draw) => {
    const gathered = await gather(store, stored, request.output, ({ completions }) => completions.length > 0);
    return build(gathered, request, draw);
  });
}

/** Cells of a plan whose report leaves hundreds of megabytes of garbage between its steps. */
const LARGE = 1_000;

interface Gathered {
  store: Store;
  plan: Plan;
  gathering: Gathering;
  counted: Map<string, CellCount>;
  healedBefore: number;
}

async function gather(
  store: Store,
  stored: StoredPlan,
  output: string,
  isPublished: (rows: CellRows) => boolean,
): Promise<Gathered> {
  const { plan } = stored;
  const gathering = new Gathering(store, stored);
  const cells = plan.configurations.flatMap((each) => each.cells);
  const counted = new Map<string, CellCount>();
  const healedBefore = (await healedInPlan(store, plan)).length;
  await eachContext(store, plan, cells, async (context) => {
    for (const rows of context.cells) counted.set(rows.cell.id, await countCell(rows));
    for (const rows of context.cells) if (isPublished(rows)) await publishCell(plan, rows, output);
    await gathering.add(context);
  });
  return { store, plan, gathering, counted, healedBefore };
}

async function build(
  { store, plan, gathering, counted, healedBefore }: Gathered,
  { plan: ref, output, results: ended, version }: ReportRequest,
  draw: DrawAll,
): Promise<WrittenReport> {
  const failed = await failuresOf(store, plan, ref, ended);
  const input = await gathering.input({ failed, version: await version() });
  const isLarge = counted.size > LARGE;
  // of what was read from the store, most was needed only to count
  if (isLarge) collectGarbage();
  const results = await new Turns().through(resultsInSteps(input));
  if (isLarge) collectGarbage();
  const files = await buildFiles(input, results, draw);
  if (isLarge) collectGarbage();
  await writeReportFiles(output, files);
  if (ref !== undefined) {
    const reuse = await reuseOf(store, plan, counted);
    // a shard that was put aside after its rows were counted is missing now
    const holds = (await healedInPlan(store, plan)).length === healedBefore;
    await recordCounted(store, plan, ref, holds ? reuse : null);
  }
  return {
    folder: output,
    html: join(output, 'report.html'),
    expectations: countExpectations(results.claims),
    ...(results.claims.some(({ claim }) => claim.test !== 'expected') && { claims: countVerdicts(results.claims) }),
    judging: [...(input.judgingCounts ?? [])],
    ...(input.provenance.healed && { healed: input.provenance.healed.length }),
    ...(input.unread && input.unread.length > 0 && { unread: unreadMetrics(input.unread) }),
    ...(input.logProbabilities && { logProbabilities: figuresOf(results.logProbabilities) }),
    ...(input.answerProbabilities && { answerProbabilities: answerFiguresOf(results.answerProbabilities) }),
  };
}

async function failuresOf(
  store: Store,
  plan: Plan,
  ref: ArtifactRef | undefined,
  ended: ReportRequest['results'],
): Promise<FailedConfiguration[]> {
  if (ended === undefined) return (await recordedExperiment(store, plan.experiment))?.failures ?? [];
  const failed = ended.flatMap(({ name, failure }) => (failure === undefined ? [] : [{ name, failure }]));
  if (ref !== undefined) await recordFailures(store, plan, ref, failed);
  return failed;
}
