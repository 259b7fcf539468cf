/**
 * The light activities on the queue `flamingo`: plan, cut judging into shards, publish, report.
 */
import { readFile, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { recordExperiment } from '../artifacts/experiments';
import { attemptsOfRun } from './leases';
import { cellOf, loadPlan, queueOf, queuesOf } from '../artifacts/plans';
import type { Store } from '../artifacts/store';
import type { ArtifactRef, PlannedCell, PlannedConfiguration } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import type { PlanningActivities } from '../workflows/activity-types';
import type { ConfigurationOutline, ExperimentOutline, ExperimentRequest } from '../workflows/messages';
import { beating } from './heartbeat';
import { readCell } from '../artifacts/cells';
import { writeReport } from '../report/experiment-report';
import type { Python } from '../inputs/archive';
import { importExperiment, InvalidFile, type ExperimentText } from '../inputs/import';
import { paidInRun } from '../judge/paid-in-run';
import { planJudging } from '../judge/cut-shards';
import { publishCell } from '../report/publish';
import { countReuse, judgesWithWork, newWork, type Reuse } from '../artifacts/reuse';
import { estimateCost } from '../judge/estimate';

/** What reading an experiment's inputs needs of this worker's machine. */
export interface InputPlaces {
  cacheFolder: string;
  /** Opens archives; null while it is not set up. */
  python: () => Python | null;
}

/** `experiments`: the folder that `{"file": …}` is resolved under, and nothing outside it. */
export function planningActivities(store: Store, experiments: string, places: InputPlaces): PlanningActivities {
  return {
    planExperiment: (request) => beating('planning', () => outline(store, experiments, places, request)),

    planJudging: (input) =>
      beating(input.cell, async () => {
        const stored = await loadPlan(store, input.plan);
        return planJudging(store, stored, cellOf(stored, input.configuration, input.cell));
      }),

    publishCell: (input) =>
      beating(input.cell, async () => {
        const stored = await loadPlan(store, input.plan);
        const cell = cellOf(stored, input.configuration, input.cell);
        const published = await publishCell(stored.plan, await readCell(store, stored.plan, cell), input.output);
        if (input.cut === undefined) return published;
        const run = attemptsOfRun(Context.current().info);
        return { ...published, paid: await paidInRun(store, stored, input.cut, run) };
      }),

    buildReport: (input) =>
      beating('report', async () => {
        const stored = await loadPlan(store, input.plan);
        return writeReport(store, stored, { output: input.output, results: input.results });
      }),
  };
}

async function outline(
  store: Store,
  experiments: string,
  places: InputPlaces,
  request: ExperimentRequest,
): Promise<ExperimentOutline> {
  if (request.store !== undefined && request.store !== store.id) {
    throw ApplicationFailure.create({
      type: 'WrongStore',
      nonRetryable: true,
      message: `the plan lies in the store ${request.store}, this worker has the store ${store.id}: give both the same FLAMINGO_STORE`,
    });
  }
  const ref = request.plan ?? (await planFromText(store, experiments, places, request));
  const stored = await loadPlan(store, ref);
  const { plan, spec } = stored;
  const output = outputFolder(request, spec);
  await recordExperiment(store, plan.experiment, { plan: ref, output });
  const reuse = await countReuse(store, plan);
  return {
    experiment: plan.experiment,
    plan: ref,
    planKey: plan.key,
    output,
    configurations: plan.configurations.map((configuration) => outlineOf(configuration, reuse)),
    ...queuesOf(spec),
    judgeQueues: queuesToJudge(spec, reuse),
    judgesToAsk: judgesWithWork(reuse),
    parallel: spec.execution.parallel,
    budget: spec.budget,
    estimatedUsd: estimateCost(spec, plan, reuse).newUsd,
    newWork: newWork(reuse),
  };
}

/** Where judges have to be ready before any GPU works. */
export function queuesToJudge(spec: Spec, reuse: Reuse): string[] {
  return [...new Set(judgesWithWork(reuse).map((judge) => queueOf(spec, judge || undefined)))];
}

/**
 * The embedded worker belongs to the person who asks, so it writes where it is told. Any other worker writes below its own
 * `FLAMINGO_RESULTS` (default: its working folder) whatever a client asks for: the client's paths mean nothing there.
 */
function outputFolder(request: ExperimentRequest, { output }: Spec): string {
  if (process.env['FLAMINGO_PARENT'] === 'stdin') return resolve(request.output ?? output);
  const root = resolve(process.env['FLAMINGO_RESULTS'] ?? '.');
  const folder = resolve(root, output);
  if (relative(root, folder).startsWith('..')) throw invalid(`the output folder ${output} lies outside ${root}`);
  return folder;
}

/**
 * Where the store holds all answers and measurements, nothing is left for a GPU: neither generating nor the fine-tune
 * that they came from is asked for, so that judging again needs no GPU worker.
 */
function outlineOf(configuration: PlannedConfiguration, reuse: Reuse): ConfigurationOutline {
  const { name, label, key, recipeKey, cells, measurements = [] } = configuration;
  const there = (cell: PlannedCell): boolean => reuse.cells[cell.id]?.completions === cell.completions;
  const unmeasured = measurements.filter((measurement) => !reuse.measured.includes(measurement.key));
  return {
    name,
    label,
    key,
    recipeKey: cells.every(there) && unmeasured.length === 0 ? null : recipeKey,
    ...(unmeasured.length === 0 ? {} : { measurements: unmeasured.map(({ condition }) => condition) }),
    cells: cells.map((cell) => ({
      id: cell.id,
      completions: cell.completions,
      judgements: cell.judgements,
      ...(there(cell) ? { given: true as const } : {}),
    })),
  };
}

/** `{"file"}` and `{"yaml"}`: the file is read and its inputs imported here, on the worker. */
async function planFromText(
  store: Store,
  experiments: string,
  { cacheFolder, python }: InputPlaces,
  request: ExperimentRequest,
): Promise<ArtifactRef> {
  if (request.plan === null) {
    throw invalid(
      'this plan was made without the inputs that are missing; use `flamingo run`, or `flamingo plan --fetch`',
    );
  }
  const file = await textOf(experiments, request);
  try {
    const options = { store, cacheFolder, python: python(), confine: true };
    const { stored, missing } = await importExperiment(file, options);
    if (stored !== null) return stored.ref;
    throw invalid(missing.map(({ name, kind, reason }) => `${kind} ${name}: ${reason}`).join('; '));
  } catch (error) {
    // what is wrong with a file does not get better by trying again
    throw error instanceof InvalidFile ? invalid(error.message) : error;
  }
}

async function textOf(experiments: string, { yaml, file }: ExperimentRequest): Promise<ExperimentText> {
  if (yaml !== undefined) return { text: yaml, name: 'experiment.yaml', folder: experiments };
  if (file === undefined) throw invalid('expected one of "file", "yaml" and "plan" in the input');
  const path = await insideOf(experiments, file);
  return { text: await readFile(path, 'utf8'), name: file, folder: dirname(path) };
}

async function insideOf(folder: string, file: string): Promise<string> {
  const root = await realpath(folder);
  let path: string;
  try {
    path = await realpath(resolve(root, file));
  } catch {
    throw invalid(`${file}: no such file under ${root}`);
  }
  const inside = relative(root, path);
  if (inside.startsWith('..') || isAbsolute(inside)) throw invalid(`${file} lies outside ${root}`);
  return path;
}

function invalid(message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'InvalidInput', nonRetryable: true, message });
}
