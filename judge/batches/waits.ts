/**
 * When a batch is looked at again, and what becomes of calls that fail on the way. Waiting never happens here: the
 * attempt ends with `BatchWaits`, and the server's durable timer starts the next one.
 */
import { type RequestFailure, JudgeStopped, RequestFailed } from '../errors';

/** Nothing can be done now; come back after `delayMs`. */
export class BatchWaits extends Error {
  override name = 'BatchWaits';
  constructor(
    readonly delayMs: number,
    message: string,
    /** The server was not reached or does not work; false when it only asks for patience. */
    readonly away = false,
  ) {
    super(`${message}; next look in ${Math.ceil(delayMs / 1000)} s`);
  }
}

/** Milliseconds. Every value can be set for tests, in seconds: FLAMINGO_BATCH_{LOOK,CREATE,SETTLE}_SECONDS. */
export interface BatchTiming {
  /** First pause between looks at a batch; pauses grow with its age up to twenty times this. Default 15 s. */
  lookMs: number;
  /** The deadline of the request that creates a batch, of some ten megabytes. Default 120 s. */
  createMs: number;
  /** How long a batch may take to appear in the provider's list. Default 30 s. */
  settleMs: number;
}

export function batchTiming(env: NodeJS.ProcessEnv): BatchTiming {
  const seconds = (name: string, usual: number) => 1000 * (Number(env[`FLAMINGO_BATCH_${name}_SECONDS`]) || usual);
  return { lookMs: seconds('LOOK', 15), createMs: seconds('CREATE', 120), settleMs: seconds('SETTLE', 30) };
}

/** Most batches end within an hour: a quarter of the age, between 15 s and 5 min. */
export function nextLookMs({ lookMs }: BatchTiming, ageMs: number): number {
  return Math.min(20 * lookMs, Math.max(lookMs, ageMs / 4));
}

/** Makes a call that may be repeated at will. A 404 is left to the caller, who knows what it can mean. */
export async function repeatable<T>(timing: BatchTiming, what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof RequestFailed && !isNotFound(error) ? after(timing, what, error.failure) : error;
  }
}

/**
 * What to throw for a failed call: what a person has to mend stops; anything else waits, however long it takes, for a
 * batch in flight is paid, and giving it up would only mean paying again.
 */
export function after(timing: BatchTiming, what: string, failure: RequestFailure): BatchWaits | JudgeStopped {
  const message = `${what}: ${failure.message}`;
  if (failure.action === 'stop') return new JudgeStopped(failure.kind, message);
  if (failure.action === 'item') return new JudgeStopped('bad_request', message);
  const delayMs = Math.max(failure.delayMs ?? 0, timing.lookMs) * (1 + 0.2 * Math.random());
  return new BatchWaits(delayMs, message, failure.action === 'retry');
}

/** 404: a batch that the provider does not know (yet), or a server without batches. */
export function isNotFound(error: unknown): boolean {
  return error instanceof RequestFailed && error.failure.kind === 'unknown_model';
}
