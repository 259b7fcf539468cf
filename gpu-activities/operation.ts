/**
 * Runs one trainer operation inside a Temporal activity: heartbeats, phase deadlines, cancellation, preemption.
 *
 * Heartbeats are tied to the trainer's progress: a phase that outlasts its deadline kills the trainer, so a hung one
 * never looks alive. Every heartbeat carries the whole state, because a bare one erases the last.
 */
import { Context } from '@temporalio/activity';
import { recordAttempt, type AttemptEnd } from '../activities/attempts';
import type { Attempt } from '../artifacts/store';
import { unavailable } from '../artifacts/unavailable';
import { interruption } from '../activities/interruption';
import { failure, FAILURES, isFailure } from '../workflows/failures';
import { NotSetUp } from './process/not-set-up';
import type { TrainerEvent } from './process/protocol';
import type { Operation, OperationEvent, Ready, TrainerProcess } from './process/trainer-process';

export type Committed = Extract<TrainerEvent, { event: 'committed' }>;

/** What the UI and `flamingo run` show of a running GPU activity. */
export interface GpuHeartbeat {
  phase: 'starting' | 'loading' | 'training' | 'generating' | 'measuring' | 'judging' | 'evaluating' | 'saving';
  detail: string;
  step: number;
  of: number;
  loss?: number;
  tokensPerSecond?: number;
  memoryBytes?: number;
  /** Step of the newest checkpoint that this attempt made or resumed; the store holds the truth. */
  checkpoint?: number;
  host: string;
  trainerPid?: number;
}

/** This says whose model code the trainer process runs. Unsloth rewrites the libraries that it shares with transformers, so one process has one of them. */
export type TrainerBackend = 'transformers' | 'unsloth';

/** Hands out the worker's trainer, starting it when there is none. */
export interface TrainerHost {
  /** One with this backend; throws `NotSetUp` where this host lacks its environment. */
  acquire(backend?: TrainerBackend): Promise<TrainerProcess>;
  /** A trainer that failed by the host's fault is replaced; a host that fails twice gives up its worker. */
  discard(trainer: TrainerProcess, hostFault: boolean): void;
  /** A trainer that is about to end: the next operation gets another one. Resolves when it is gone. */
  retire(trainer: TrainerProcess): Promise<void>;
  hostFailed(): void;
}

/**
 * Longest silence per phase. Loading may fetch 30 GB from a hub. A step of the 14B study takes seconds; ten minutes
 * leave room for any model that is worth training on one GPU.
 */
const LOADING_DEADLINE_MS = 2 * 3600_000;
const STEP_DEADLINE_MS = 600_000;
/** How long a stopped trainer may take to finish its step and save. Longer than that and the checkpoint before counts. */
const STOP_GRACE_MS = 60_000;
const BEAT_MS = 2_000;

/** How Python, Rust and torch say that the disk is full, over its quota, read-only or failing. */
const NO_PLACE = /\[Errno (?:28|122|30|5)\]|os error (?:28|122|30|5)\b|No space left on device/;

const PHASES: Record<Operation['op'], GpuHeartbeat['phase']> = {
  finetune: 'training',
  prepare: 'loading',
  accept: 'saving',
  adopt: 'loading',
  locate: 'loading',
  generate: 'generating',
  measure: 'measuring',
  probabilities: 'measuring',
  score: 'judging',
};

export class AttemptFailed extends Error {
  constructor(
    readonly end: AttemptEnd,
    readonly failure: Error,
    readonly checkpointStep: number | null,
  ) {
    super(failure.message);
  }
}

export async function runOperation(
  host: TrainerHost,
  operation: Operation,
  state: GpuHeartbeat,
  afterBeat: () => void,
): Promise<{ committed: Committed; ready: Ready }> {
  const context = Context.current();
  const signal = context.cancellationSignal;
  let lastEvent = Date.now();
  let hung: Error | null = null;
  let trainer: TrainerProcess | null = null;
  let checkpointStep: number | null = null;

  const beat = setInterval(() => {
    const deadline = state.phase === 'starting' || state.phase === 'loading' ? LOADING_DEADLINE_MS : STEP_DEADLINE_MS;
    if (Date.now() - lastEvent > deadline) {
      hung = new Error(`the trainer was silent for ${deadline / 1000} s while ${state.phase} (${state.detail})`);
      trainer?.kill();
      return;
    }
    context.heartbeat({ ...state });
    afterBeat();
  }, BEAT_MS);

  const onEvent = (event: OperationEvent): void => {
    lastEvent = Date.now();
    if (event.event === 'loading') Object.assign(state, { phase: 'loading', detail: `${event.phase} ${event.detail}` });
    if (event.event === 'progress') {
      const { step, of, loss, tokensPerSecond, memoryBytes } = event;
      Object.assign(state, { phase: PHASES[operation.op], step, of });
      Object.assign(state, { loss, tokensPerSecond, memoryBytes });
    }
    if (event.event === 'checkpoint') {
      checkpointStep = event.step;
      state.checkpoint = event.step;
    }
    context.heartbeat({ ...state });
    // a host that is lost before the next beat has lost no more than it must
    if (event.event === 'checkpoint') afterBeat();
  };

  let lastResort: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    trainer?.stop();
    lastResort = setTimeout(() => trainer?.kill(), STOP_GRACE_MS);
  };

  const fail = (end: AttemptEnd, reason: Error): AttemptFailed => new AttemptFailed(end, reason, checkpointStep);

  try {
    context.heartbeat({ ...state });
    try {
      trainer = await host.acquire(backendOf(operation));
    } catch (error) {
      // nobody but a person can install it, so no retry and no other activity is in question
      if (error instanceof NotSetUp) throw fail('hopeless', error);
      host.hostFailed();
      throw fail('host', error as Error);
    }
    state.trainerPid = trainer.pid;
    if (signal.aborted) throw await interrupted(fail, context);
    signal.addEventListener('abort', onAbort);
    const end = await trainer.run(operation, onEvent);
    switch (end.event) {
      case 'committed':
        return { committed: end, ready: trainer.ready };
      case 'stopped':
        // also a SIGTERM that reached the trainer itself: the machine is being taken away
        context.heartbeat({ ...state });
        if (!signal.aborted) {
          void host.retire(trainer);
          throw fail('preempted', failure(FAILURES.Preempted, `the trainer was asked to stop at step ${end.step}`));
        }
        throw await interrupted(fail, context);
      case 'failed': {
        const reason = new Error(end.message);
        if (end.kind === 'data' || end.kind === 'config' || end.kind === 'nan') throw fail('hopeless', reason);
        if (NO_PLACE.test(end.message)) {
          if (signal.aborted) throw await interrupted(fail, context);
          throw fail('host', failure(FAILURES.StoreUnavailable, end.message));
        }
        if (end.kind === 'oom') throw fail('oom', reason);
        host.discard(trainer, end.kind === 'cuda');
        throw fail(end.kind === 'cuda' ? 'host' : 'died', reason);
      }
    }
  } catch (error) {
    if (error instanceof AttemptFailed) throw error;
    if (trainer !== null) host.discard(trainer, false);
    // whoever asked it to stop is told that it did, also where the store is what failed meanwhile
    if (signal.aborted) throw await interrupted(fail, context);
    if (unavailable(error) !== null) throw error;
    throw fail('died', hung ?? (error as Error));
  } finally {
    clearInterval(beat);
    clearTimeout(lastResort); // a trainer that stopped in time stays warm for the next operation
    signal.removeEventListener('abort', onAbort);
  }
}

function backendOf(operation: Operation): TrainerBackend {
  return operation.op === 'finetune' && operation.recipe?.backend === 'unsloth' ? 'unsloth' : 'transformers';
}

/** The end of an attempt whose activity was told to stop, once its work is saved. */
export async function interrupted(
  fail: (end: AttemptEnd, reason: Error) => AttemptFailed,
  context: Context,
): Promise<AttemptFailed> {
  const reason = await interruption(context);
  return fail(isFailure(reason, FAILURES.Preempted) ? 'preempted' : 'cancelled', reason);
}

/**
 * What an activity throws when its attempt failed: the end is on record for the attempts after it. Anything else
 * is thrown as it came. One that was told to stop has stopped, whether or not the store takes the record: nothing counts such an
 * end, and a pause must not fail the work.
 */
export async function failureOf(attempt: Attempt, error: unknown): Promise<unknown> {
  if (!(error instanceof AttemptFailed)) return error;
  const { end, message, checkpointStep } = error;
  const recording = recordAttempt(attempt, { end, message, checkpointStep });
  await (end === 'cancelled' || end === 'preempted' ? recording.catch(() => undefined) : recording);
  return toTemporalFailure(error);
}

/** What Temporal is told about an attempt that ended without a result. */
export function toTemporalFailure({ end, failure: reason, message }: AttemptFailed): Error {
  switch (end) {
    case 'preempted':
    case 'cancelled':
      return reason;
    case 'hopeless':
      return failure(FAILURES.TrainingFailed, message);
    case 'oom':
      return failure(FAILURES.OutOfMemory, message);
    case 'host':
      return isFailure(reason, FAILURES.StoreUnavailable) ? reason : failure(FAILURES.HostFailure, message);
    case 'died':
      return failure(FAILURES.TrainerDied, message);
  }
}
