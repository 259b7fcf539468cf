/**
 * A fine-tune by a program of the experiment's own: our rows out, its adapter in, and between the two the same
 * heartbeats, preemption and retries as with our own trainer.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { withHeartbeat } from '../../activities/heartbeat';
import type { AttemptEnd } from '../../activities/attempts';
import { environmentOf, namedVariables } from '../../activities/program-environment';
import type { Store } from '../../artifacts/store';
import type { ArtifactRef, CommandIdentity, Recipe } from '../../experiment/plan';
import {
  AttemptFailed,
  interrupted,
  runOperation,
  type Committed,
  type GpuHeartbeat,
  type TrainerHost,
} from '../operation';
import { failure, FAILURES } from '../../workflows/failures';
import type { FinetuneCommand } from '../process/protocol';
import type { Ready } from '../process/trainer-process';
import { PROGRESS_ROW, readTrainerRows } from '../trainer-rows';
import { Output, redactor, type ProgressLine } from './output';
import { layOut, filesIn, placesIn, traceOf, writeSettings, type Places } from './places';
import { Program, type ProgramHost } from './program';

export interface CommandWork {
  recipe: Recipe & { backend: CommandIdentity };
  trainer: { files: Record<string, ArtifactRef>; graceSeconds: number; silenceSeconds: number };
  programs: ProgramHost;
  model: FinetuneCommand['model'];
  /** Path of the training rows. */
  rows: string;
  attemptFolder: string;
  /** Folders of the attempts before this one, oldest first. */
  earlier: string[];
  whole: WholeFiles;
}

/**
 * Files that were changed after this moment (ms since 1970) may be halves: a program that is killed can leave a checkpoint
 * that it did not finish. Our own trainer renames whole ones into place.
 */
export interface WholeFiles {
  until: number;
}

/** What an exit code says of the program; every other one is a failure that a further attempt may mend. */
const EXITS: Record<number, { end: AttemptEnd; means: string }> = {
  65: { end: 'hopeless', means: 'the data is wrong' },
  78: { end: 'hopeless', means: 'the settings are wrong' },
  127: { end: 'hopeless', means: 'it can not be started' },
  71: { end: 'oom', means: 'out of memory' },
  75: { end: 'died', means: 'stopped, to be continued, but without a new checkpoint' },
};
/** Somebody else stopped it, such as the machine's own notice. */
const STOPPED = 75;
/** Exit codes from here on are those of programs that a signal ended. */
const SIGNALLED = 128;
const BEAT_MS = 2_000;

export async function trainByCommand(
  store: Store,
  host: TrainerHost,
  work: CommandWork,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<{ committed: Committed; ready: Ready }> {
  const { recipe, model, rows, attemptFolder } = work;
  const places = placesIn(attemptFolder);
  const started = Date.now();
  const laid = { ...state, detail: 'laying out files and checkpoints' };
  await withHeartbeat(laid satisfies GpuHeartbeat, () => layOut(store, places, work.trainer.files, work.earlier));
  const { committed: prepared } = await runOperation(
    host,
    { op: 'prepare', model, recipe, rows, folder: places.input },
    state,
    renew,
  );
  const { modelFolder, padToken, steps, targetModules, excludeModules = null } = prepared;
  if (modelFolder === undefined || padToken === undefined || steps === undefined || targetModules === undefined)
    throw new Error('the trainer did not say what it prepared');
  await writeSettings(places, recipe, { modelFolder, padToken, steps, targetModules, excludeModules });
  // the program gets the GPU to itself
  const leaving = { ...state, detail: 'the trainer process leaves the GPU' };
  await withHeartbeat(leaving satisfies GpuHeartbeat, async () => host.retire(await host.acquire()));
  await runProgram(work, places, steps, state, renew);
  const { committed: accepted, ready } = await runOperation(
    host,
    { op: 'accept', model, recipe, produced: places.produced, adapterFolder: join(attemptFolder, 'adapter') },
    { ...state, phase: 'saving' },
    renew,
  );
  const told = await progressOfAll([...work.earlier, attemptFolder]);
  const [log, speed] = [join(attemptFolder, 'training-log.jsonl'), join(attemptFolder, 'training-speed.jsonl')];
  const logged = told.filter(({ loss }) => loss !== undefined);
  await writeRows(
    log,
    logged.map(({ step, loss, learningRate, gradNorm }) => ({ step, loss, learningRate, gradNorm })),
  );
  const measured = told.filter(
    ({ tokensPerSecond, memoryBytes }) => tokensPerSecond !== undefined && memoryBytes !== undefined,
  );
  await writeRows(
    speed,
    measured.map(({ step, tokensPerSecond, memoryBytes }) => ({ step, tokensPerSecond, memoryBytes })),
  );
  return {
    ready,
    committed: {
      ...accepted,
      log,
      speed,
      trainerLog: places.log,
      steps,
      resumedFrom: null,
      rowsTruncated: prepared.rowsTruncated ?? 0,
      trainedTokens: prepared.trainedTokens ?? 0,
      seconds: (Date.now() - started) / 1000,
    },
  };
}

/** From its start to a good end. Throws `AttemptFailed`. */
async function runProgram(
  { recipe, trainer, programs, earlier, attemptFolder, whole }: CommandWork,
  places: Places,
  steps: number,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<void> {
  const context = Context.current();
  const signal = context.cancellationSignal;
  const { command, environment } = recipe.backend;
  const { values, missing } = namedVariables(programs.env, environment);
  let checkpoint: number | null = null;
  const fail = (end: AttemptEnd, reason: Error): AttemptFailed => new AttemptFailed(end, reason, checkpoint);
  if (missing.length > 0) {
    const names = missing.join(', ');
    throw fail('hopeless', new Error(`the experiment names ${names}, which this worker's environment does not have`));
  }
  if (signal.aborted) throw await interrupted(fail, context);

  whole.until = Date.now();
  const before = await traceOf(places.checkpoints);
  const reached = await reachedIn([...earlier, attemptFolder]);
  let lastLine = Date.now();
  let hung = false;
  Object.assign(state, {
    phase: 'training',
    detail: `${command.join(' ')} (this experiment's own trainer)`,
    of: steps,
  });
  const program = new Program({
    ...programs,
    command,
    settingsFile: places.settings,
    folder: places.source,
    env: environmentOf(programs.env, values),
    graceSeconds: trainer.graceSeconds,
  });
  if (program.pid !== undefined) state.trainerPid = program.pid;
  const output = new Output(program.output, places.log, redactor(values), {
    line: () => (lastLine = Date.now()),
    progress: (line) => {
      appendFileSync(places.progress, JSON.stringify(line) + '\n');
      const { step, loss, tokensPerSecond, memoryBytes } = line;
      Object.assign(state, { step, loss, tokensPerSecond, memoryBytes });
      if (!line.checkpoint) return;
      state.checkpoint = step;
      whole.until = Date.now();
      if (step > reached.checkpoint) checkpoint = step;
      renew();
    },
  });
  const beat = setInterval(() => {
    if (Date.now() - lastLine > trainer.silenceSeconds * 1000) {
      hung = true;
      program.kill();
      return;
    }
    context.heartbeat({ ...state });
    renew();
  }, BEAT_MS);
  const onAbort = (): void => program.stop();
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort(); // between the look above and here
  context.heartbeat({ ...state });
  let code: number;
  try {
    code = await program.ended;
    await output.end();
    // one that left by itself has finished what it began
    if (code < SIGNALLED) whole.until = Infinity;
  } finally {
    clearInterval(beat);
    signal.removeEventListener('abort', onAbort);
  }
  if (code === 0) return;
  // one that tells of no checkpoints may have written some all the same
  if (checkpoint === null && (await traceOf(places.checkpoints)) !== before) {
    if (state.step > Math.max(0, reached.step) || isNewer(await filesIn(places.checkpoints), reached.names))
      checkpoint = state.step;
  }
  if (program.asked) throw await interrupted(fail, context);
  const said = output.last.length === 0 ? '' : `; its last lines:\n${output.last.join('\n')}`;
  if (hung) throw fail('died', new Error(`the trainer was silent for ${trainer.silenceSeconds} s${said}`));
  if (code === STOPPED && checkpoint !== null)
    throw fail('preempted', failure(FAILURES.Preempted, 'the trainer stopped by itself, to be continued'));
  const known = EXITS[code];
  const what = known === undefined ? '' : ` (${known.means})`;
  throw fail(known?.end ?? 'died', new Error(`the trainer ended with exit code ${code}${what}${said}`));
}

interface Reached {
  /** The highest steps told of, and of a checkpoint; -1 where none was. */
  step: number;
  checkpoint: number;
  /** Files in the checkpoint folders. */
  names: string[];
}

/** How far attempts came. What does not go beyond is no progress: it could be written anew for ever. */
async function reachedIn(folders: string[]): Promise<Reached> {
  const told = (await Promise.all(folders.map(toldIn))).flat();
  const highest = (lines: ProgressLine[]): number => lines.reduce((most, { step }) => Math.max(most, step), -1);
  const names = await Promise.all(folders.map((folder) => filesIn(placesIn(folder).checkpoints)));
  return { step: highest(told), checkpoint: highest(told.filter((line) => line.checkpoint)), names: names.flat() };
}

/** Whether a name is of a new kind, or has higher numbers than all earlier ones that differ in numbers alone. */
function isNewer(names: string[], earlier: string[]): boolean {
  const kind = (name: string): string => name.replace(/\d+/g, '#');
  const order = new Intl.Collator('en', { numeric: true });
  return names.some((name) => earlier.every((other) => kind(other) !== kind(name) || order.compare(name, other) > 0));
}

async function toldIn(folder: string): Promise<ProgressLine[]> {
  const { progress } = placesIn(folder);
  return existsSync(progress) ? readTrainerRows<ProgressLine>(progress, PROGRESS_ROW, { torn: true }) : [];
}

/** What all attempts told of their steps: of one that was done again the last telling counts. */
async function progressOfAll(folders: string[]): Promise<ProgressLine[]> {
  const bySteps = new Map<number, ProgressLine>();
  for (const folder of folders) {
    for (const progress of await toldIn(folder)) bySteps.set(progress.step, progress);
  }
  return [...bySteps.values()].sort((a, b) => a.step - b.step);
}

async function writeRows(file: string, rows: object[]): Promise<void> {
  await writeFile(file, rows.map((row) => JSON.stringify(row) + '\n').join(''));
}
