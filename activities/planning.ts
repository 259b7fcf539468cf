/**
 * The light activities on the queue `flamingo`: plan, cut judging into shards, publish, report.
 */
import { resolve } from 'node:path';
import { Context } from '@temporalio/activity';
import { readCell } from '../artifacts/cells';
import { registerClaims } from '../artifacts/claims';
import { recordExperiment, resultsFolder } from '../artifacts/experiments';
import { outlinesFor, queuesToJudge, readOutline } from '../artifacts/outline';
import { cellOf, loadPlan, queuesOf, type StoredPlan } from '../artifacts/plans';
import { countReuse, judgesWithWork, newWork } from '../artifacts/reuse';
import type { Store } from '../artifacts/store';
import type { Demand } from '../experiment/demands';
import type { ArtifactRef } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import type { Python } from '../inputs/archive';
import { importExperiment, InvalidFile } from '../inputs/import';
import { requestedFile } from '../inputs/requested-file';
import { planJudging } from '../judge/cut-shards';
import type { ProgramVersion } from '../report/report-input';
import { estimateCost } from '../judge/estimate';
import { paidInRun } from '../judge/paid-in-run';
import { writeReport } from '../report/write-report';
import { publishCell } from '../report/publish';
import type { PlanningActivities } from '../workflows/activity-types';
import { failure, FAILURES } from '../workflows/failures';
import { LARGE_COUNT, type ExperimentOutline, type ExperimentRequest } from '../workflows/messages';
import { isWritable, requireAllowed, requirePermitted, requireWritable, type ClientRules } from './clients';
import { refusingDamage } from './damage';
import { withHeartbeat } from './heartbeat';
import { refuseTooLarge } from './outline-size';
import { withoutManyFigures } from './report-size';
import { attemptsOfRun } from './leases';
import { scoreShard } from './score-shard';

/** What planning and reporting need of the worker's machine. */
export interface PlanningHost {
  /** The folder that `{"file": …}` is resolved under, and nothing outside it. */
  experiments: string;
  /** The folder in which results are written, and outside it only where the owner's command said. */
  results: string;
  /** Whether a request's own output folder counts: the worker runs for whoever asks, on the same machine. */
  ownRequests: boolean;
  clients: ClientRules;
  /** Downloads are kept here. */
  cacheFolder: string;
  /** Names the proxy for downloads, and has the few variables that scorers' programs get; default: none. */
  env?: NodeJS.ProcessEnv;
  /** Opens archives and runs scorers' programs; null while it is not set up. */
  python: () => Python | null;
  /** The program that runs, for the report. */
  version: () => Promise<ProgramVersion>;
}

export function planningActivities(store: Store, host: PlanningHost): PlanningActivities {
  return refusingDamage({
    planExperiment: (request) => withHeartbeat('planning', () => outline(store, host, request)),

    readOutline: ({ outlines, configuration }) =>
      withHeartbeat(configuration, () => readOutline(store, outlines, configuration)),

    planJudging: (input) =>
      withHeartbeat(input.cell, async () => {
        const stored = await loadPlan(store, input.plan);
        return planJudging(store, stored, cellOf(stored, input.configuration, input.cell));
      }),

    scoreShard: (input) => scoreShard(store, host, input),

    publishCell: (input) =>
      withHeartbeat(input.cell, async () => {
        const stored = await loadPlan(store, input.plan);
        const cell = cellOf(stored, input.configuration, input.cell);
        const output = await placeOfResults(store, host, stored, input.output);
        const published = await publishCell(stored.plan, await readCell(store, stored.plan, cell), output);
        const run = attemptsOfRun(Context.current().info);
        const cuts = [...(input.earlierCuts ?? []), ...(input.cut === null ? [] : [input.cut])];
        return { ...published, paid: cuts.length === 0 ? null : await paidInRun(store, stored, cuts, run) };
      }),

    buildReport: (input) =>
      withHeartbeat('report', async () => {
        const stored = await loadPlan(store, input.plan);
        const output = await placeOfResults(store, host, stored, input.output);
        const { plan, results } = input;
        return withoutManyFigures(await writeReport(store, stored, { plan, output, version: host.version, results }));
      }),
  } satisfies PlanningActivities);
}

async function outline(store: Store, host: PlanningHost, request: ExperimentRequest): Promise<ExperimentOutline> {
  if (request.store !== undefined && request.store !== store.id) {
    throw failure(
      FAILURES.WrongStore,
      `the plan lies in the store ${request.store}, this worker has the store ${store.id}: give both the same FLAMINGO_STORE`,
    );
  }
  const ref = request.plan ?? (await planFromText(store, host, request));
  const stored = await loadPlan(store, ref);
  const { plan, spec } = stored;
  await requirePermitted(store, host.clients, ref, stored);
  const output = outputFolder(host, request, spec);
  await requireWritable(store, host.clients, host.results, output);
  await recordExperiment(store, plan.experiment, { plan: ref, output });
  const reuse = await countReuse(store, plan);
  await registerClaims(store, plan.experiment, spec, reuse);
  return refuseTooLarge({
    experiment: plan.experiment,
    plan: ref,
    planKey: plan.key,
    output,
    ...(await outlinesFor(store, plan, reuse)),
    continues: true,
    ...queuesOf(spec),
    judgeQueues: queuesToJudge(spec, reuse),
    judgesToAsk: judgesWithWork(reuse),
    parallel: spec.execution.parallel,
    budget: spec.budget,
    estimatedUsd: estimateCost(spec, plan, reuse).newUsd,
    newWork: newWork(reuse),
    ...(reuse.judgements.new + reuse.judgements.reused >= LARGE_COUNT ? { large: true as const } : {}),
  });
}

/**
 * Where results are written that a workflow was told to write to `told`, when that place is allowed. It may be one of another
 * worker's, or of a command on another machine: a worker for others then writes where it would have planned to.
 */
async function placeOfResults(
  store: Store,
  host: PlanningHost,
  { plan, spec }: StoredPlan,
  told: string,
): Promise<string> {
  const { clients, results, ownRequests } = host;
  const known = await resultsFolder(store, plan.experiment, told);
  const output =
    ownRequests || (await isWritable(store, clients, results, known)) ? known : outputFolder(host, {}, spec);
  await requireWritable(store, clients, results, output);
  return output;
}

/** A client's paths mean nothing on a worker that is not its own: that one goes by the experiment file. */
function outputFolder(
  { results, ownRequests }: PlanningHost,
  request: Pick<ExperimentRequest, 'output'>,
  { output }: Spec,
): string {
  return resolve(results, (ownRequests ? request.output : undefined) ?? output);
}

/** `{"file"}` and `{"yaml"}`: the file is read and its inputs imported here, on the worker. */
async function planFromText(
  store: Store,
  { experiments, cacheFolder, env, python, clients }: PlanningHost,
  request: ExperimentRequest,
): Promise<ArtifactRef> {
  if (request.plan === null) {
    throw failure(
      FAILURES.InvalidInput,
      'this plan was made without the inputs that are missing; use `flamingo run`, or `flamingo plan --fetch`',
    );
  }
  if (request.yaml === undefined && request.file !== undefined) {
    requireAllowed(clients, [{ kind: 'files', what: `the experiment is a local file (${request.file})` }]);
  }
  try {
    const file = await requestedFile(experiments, request);
    const accept = (demands: Demand[]): void => requireAllowed(clients, demands);
    const privateUrls = clients.allowed.has('private-urls');
    const from = { cacheFolder, privateUrls, ...(env === undefined ? {} : { env }), python: python() };
    const options = { store, ...from, confine: true, accept };
    const { stored, missing } = await importExperiment(file, options);
    if (stored !== null) return stored.ref;
    throw failure(
      FAILURES.InvalidInput,
      missing.map(({ name, kind, reason }) => `${kind} ${name}: ${reason}`).join('; '),
    );
  } catch (error) {
    // what is wrong with a file does not get better by trying again
    throw error instanceof InvalidFile ? failure(FAILURES.InvalidInput, error.message) : error;
  }
}
