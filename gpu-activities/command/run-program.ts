/**
 * One attempt of a program that an experiment brings, from its start to its end: heartbeats, silence, preemption, and what its
 * exit code says. A fine-tune and a handoff differ in what they lay out before and take in after it.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { Context } from '@temporalio/activity';
import type { AttemptEnd } from '../../activities/attempts';
import { environmentOf, namedVariables } from '../../activities/program-environment';
import { failure, FAILURES } from '../../workflows/failures';
import { AttemptFailed, interrupted, type GpuHeartbeat } from '../operation';
import { PROGRESS_ROW, readTrainerRows } from '../trainer-rows';
import { Output, redactor, type ProgressLine } from './output';
import { filesIn, placesIn, traceOf, type Places } from './places';
import { Program, type ProgramHost } from './program';

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

/** What is run, and how long it is waited for. */
export interface ProgramRun {
  /** What messages call it: `the trainer`. */
  called: string;
  /** For the progress display, after the command's words. */
  about: string;
  /** While it works. */
  phase: GpuHeartbeat['phase'];
  /** Steps in all; 0 where only the program knows. */
  steps: number;
  command: readonly string[];
  /** Names of variables of the worker's environment. */
  environment: readonly string[];
  graceSeconds: number;
  silenceSeconds: number;
  programs: ProgramHost;
  attemptFolder: string;
  /** Folders of the attempts before this one, oldest first. */
  earlier: readonly string[];
  whole: WholeFiles;
}

/** From its start to a good end. Throws `AttemptFailed`. */
export async function runProgram(
  { called, about, phase, steps, command, environment, graceSeconds, silenceSeconds, ...run }: ProgramRun,
  places: Places,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<void> {
  const { programs, attemptFolder, earlier, whole } = run;
  const context = Context.current();
  const signal = context.cancellationSignal;
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
  Object.assign(state, { phase, detail: `${command.join(' ')} (${about})`, of: steps });
  const program = new Program({
    ...programs,
    command,
    settingsFile: places.settings,
    folder: places.source,
    env: environmentOf(programs.env, values),
    graceSeconds,
  });
  if (program.pid !== undefined) state.trainerPid = program.pid;
  const output = new Output(program.output, places.log, redactor(values), {
    line: () => (lastLine = Date.now()),
    progress: (line) => {
      appendFileSync(places.progress, JSON.stringify(line) + '\n');
      const { step, of, loss, tokensPerSecond, memoryBytes } = line;
      Object.assign(state, { step, loss, tokensPerSecond, memoryBytes });
      if (steps === 0 && of !== undefined) state.of = of;
      if (!line.checkpoint) return;
      state.checkpoint = step;
      whole.until = Date.now();
      if (step > reached.checkpoint) checkpoint = step;
      renew();
    },
  });
  const beat = setInterval(() => {
    if (Date.now() - lastLine > silenceSeconds * 1000) {
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
  if (hung) throw fail('died', new Error(`${called} was silent for ${silenceSeconds} s${said}`));
  if (code === STOPPED && checkpoint !== null)
    throw fail('preempted', failure(FAILURES.Preempted, `${called} stopped by itself, to be continued`));
  const known = EXITS[code];
  const what = known === undefined ? '' : ` (${known.means})`;
  throw fail(known?.end ?? 'died', new Error(`${called} ended with exit code ${code}${what}${said}`));
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

/** The lines of progress of an attempt. */
export async function toldIn(folder: string): Promise<ProgressLine[]> {
  const { progress } = placesIn(folder);
  return existsSync(progress) ? readTrainerRows<ProgressLine>(progress, PROGRESS_ROW, { torn: true }) : [];
}
