/**
 * The handoff activity: a finished model is handed over to a program of the experiment's own, and its numbers are committed.
 * It is run, watched, stopped and tried again like a trainer of the experiment's own.
 */
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { refuseHopeless } from '../activities/attempts';
import { withHeartbeat } from '../activities/heartbeat';
import { holderOf, withLease } from '../activities/leases';
import { namedVariables } from '../activities/program-environment';
import { handoffWork, parseScores, storedHandoff, type HandoffScores } from '../artifacts/handoffs';
import { configurationOf, type StoredPlan } from '../artifacts/plans';
import type { WorkKey, Workspace } from '../artifacts/store';
import type { HandoffProgram, PlannedConfiguration, PlannedHandoff } from '../experiment/plan';
import type { HandOffInput, HandOffResult } from '../workflows/activity-types';
import { copyForProgram, copyModelForProgram } from './command/adapter-copy';
import { writeHandoffSettings } from './command/handoff-settings';
import { redactor } from './command/output';
import { layOut, placesIn, type Places } from './command/places';
import { runProgram, toldIn, type WholeFiles } from './command/run-program';
import type { GpuDependencies } from './dependencies';
import { adapterFolder, type Adapter } from './adapter-folder';
import { mergedAdapters } from './chain';
import { untilKept } from './keeping';
import { modelFor } from './models';
import { AttemptFailed, failureOf, runOperation, type GpuHeartbeat } from './operation';
import { permittedPlan } from './permitted-plan';
import { syncedCheckpoints, syncOrWarn } from './syncing';

export async function handOff(dependencies: GpuDependencies, input: HandOffInput): Promise<HandOffResult> {
  const { store } = dependencies;
  const started = Date.now();
  const stored = await permittedPlan(dependencies, input.plan);
  const configuration = configurationOf(stored, input.configuration);
  const planned = configuration.handoffs?.find(({ handoff }) => handoff === input.handoff);
  const program = stored.plan.handoffs?.[input.handoff];
  if (planned === undefined || program === undefined)
    throw new Error(`the plan hands nothing of ${input.configuration} over to ${input.handoff}`);
  const state: GpuHeartbeat = {
    phase: 'starting',
    detail: `${input.handoff} of ${input.configuration}`,
    step: 0,
    of: 0,
    host: hostname(),
  };
  const adapter = await withHeartbeat(state, () =>
    adapterFolder(store, { id: input.configuration }, planned.context.recipe),
  );
  const merged = await withHeartbeat(state, () => mergedAdapters(store, configuration));
  const result = (reused: boolean): HandOffResult => ({ reused, seconds: (Date.now() - started) / 1000 });
  const isDone = async (): Promise<boolean> => (await storedHandoff(store, planned)) !== null;
  if (await withHeartbeat(state, isDone)) return result(true);
  const work = handoffWork(planned, adapter?.sha256 ?? null);
  return withLease(store, work, state, async (renew) => {
    if (await withHeartbeat(state, isDone, renew)) return result(true);
    await runOnce(dependencies, { stored, configuration, planned, program, work, adapter, merged }, state, renew);
    return result(false);
  });
}

interface ToHandOff {
  stored: StoredPlan;
  configuration: PlannedConfiguration;
  planned: PlannedHandoff;
  program: HandoffProgram;
  work: WorkKey;
  /** Null for the base model. */
  adapter: Adapter | null;
  /** Merged into the base model before, in this order. */
  merged: Adapter[];
}

/** One attempt. */
async function runOnce(
  dependencies: GpuDependencies,
  handed: ToHandOff,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<void> {
  const { store } = dependencies;
  const { planned, work, adapter } = handed;
  const started = Date.now();
  const begin = async () => {
    const earlier = await store.attempts(work);
    await refuseHopeless(earlier);
    const attempt = await store.attempt(work, holderOf(Context.current().info).attempt);
    const folders = await Promise.all(earlier.map(async (each) => (await each.workspace()).path));
    const workspace = await attempt.workspace();
    return { attempt, workspace, earlier: folders.filter((folder) => folder !== workspace.path) };
  };
  const { attempt, workspace, earlier } = await withHeartbeat({ ...state }, begin, renew);
  const whole: WholeFiles = { until: Infinity };
  const places = placesOf(workspace.path);
  try {
    const afterBeat = syncedCheckpoints(workspace, state, whole, renew);
    const scores = await runAndRead(dependencies, handed, { workspace, places, earlier, whole }, state, afterBeat);
    const [host, at] = [hostname(), new Date().toISOString()];
    const { detail } = state;
    const told = await toldIn(workspace.path);
    const record = { attempt: attempt.name, attempts: earlier.length + 1, host, at, steps: told.at(-1)?.step ?? null };
    const commit = async () =>
      store.commit(work, {
        stage: 'handoffs',
        key: work.key,
        results: { scores: await store.putBytes(JSON.stringify(scores) + '\n', '.json') },
        provenance: {
          attempt: await store.putBytes(JSON.stringify(record, null, 2) + '\n', '.json'),
          log: await workspace.keep(places.log),
        },
        facts: {
          adapter: adapter?.sha256 ?? null,
          handoff: planned.handoff,
          metrics: Object.keys(scores).length,
          seconds: (Date.now() - started) / 1000,
        },
        committed: { attempt: attempt.name, host, at },
      });
    await untilKept({ ...state, detail: `the result of ${detail}` }, commit, renew);
  } catch (error) {
    const saving = { ...state, phase: 'saving', detail: 'uploading what the program kept' } satisfies GpuHeartbeat;
    await withHeartbeat(saving, () => syncOrWarn(workspace, whole), renew);
    throw await failureOf(attempt, error);
  }
}

/** A trainer's places; `checkpoints` is what the program keeps for its later attempts, `produced` its output. */
function placesOf(attemptFolder: string): Places {
  return { ...placesIn(attemptFolder), log: join(attemptFolder, 'program.log') };
}

interface Surroundings {
  workspace: Workspace;
  places: Places;
  /** Folders of the attempts before this one, oldest first. */
  earlier: string[];
  whole: WholeFiles;
}

/** Throws `AttemptFailed`. */
async function runAndRead(
  dependencies: GpuDependencies,
  { stored, configuration, planned, program, adapter, merged }: ToHandOff,
  { workspace, places, earlier, whole }: Surroundings,
  state: GpuHeartbeat,
  afterBeat: () => void,
): Promise<HandoffScores> {
  const { store, trainer, programs } = dependencies;
  const { context } = planned;
  const laid = { ...state, detail: 'laying out the files of the program' } satisfies GpuHeartbeat;
  await withHeartbeat(laid, () => layOut(store, places, program.files, earlier));
  const source = await modelFor(dependencies.models, context.model, stored.modelFolder);
  const { committed } = await runOperation(trainer, { op: 'locate', model: source }, state, afterBeat);
  if (committed.modelFolder === undefined) throw new Error('the trainer did not say where the base model lies');
  const { modelFolder } = committed;
  const copyOf = (each: Adapter, name: string) => copyForProgram(each.path, join(places.loads, name), modelFolder);
  const [wholeModel, adapterPath, mergedPaths] = await withHeartbeat(laid, async () => [
    adapter?.whole ? await copyModelForProgram(adapter.path, join(places.loads, 'model'), modelFolder) : null,
    adapter === null || adapter.whole ? null : await copyOf(adapter, 'adapter'),
    await Promise.all(merged.map((each, index) => copyOf(each, `merged-${index + 1}`))),
  ]);
  await writeHandoffSettings(places, {
    handoff: planned.handoff,
    configuration: { name: configuration.name, label: configuration.label },
    context,
    recipe: configuration.recipe,
    modelFolder: wholeModel ?? modelFolder,
    adapter: adapterPath,
    merged: mergedPaths,
  });
  // the program gets the GPU to itself
  const leaving = { ...state, detail: 'the trainer process leaves the GPU' } satisfies GpuHeartbeat;
  await withHeartbeat(leaving, async () => trainer.retire(await trainer.acquire()));
  const { command, environment, gives } = context.program;
  const { graceSeconds, silenceSeconds } = program;
  await runProgram(
    {
      ...{ called: `the command of ${planned.handoff}`, about: `the handoff ${planned.handoff}` },
      ...{ phase: 'evaluating', steps: 0, command, environment, graceSeconds, silenceSeconds },
      ...{ programs, attemptFolder: workspace.path, earlier, whole },
    },
    places,
    state,
    afterBeat,
  );
  return readScores(join(places.produced, gives), redactor(namedVariables(programs.env, environment).values));
}

/** Bytes of a result file. */
const LARGEST_RESULT = 4_000_000;

/** A program that ended well and gave no result would do so again. Throws `AttemptFailed`. */
async function readScores(file: string, redact: (text: string) => string): Promise<HandoffScores> {
  try {
    const about = await stat(file).catch(() => null);
    if (about === null) throw new Error('it is not there, although the command ended with exit code 0');
    if (!about.isFile()) throw new Error('it is no file');
    if (about.size > LARGEST_RESULT) throw new Error(`it is larger than ${LARGEST_RESULT / 1e6} MB`);
    return parseScores(redact(await readFile(file, 'utf8')));
  } catch (error) {
    throw new AttemptFailed(
      'hopeless',
      new Error(`the result file ${file} can not be used: ${(error as Error).message}`),
      null,
    );
  }
}
