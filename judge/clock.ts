/**
 * Time and chance as judging sees them, so that tests can replace both.
 */
import { setTimeout } from 'node:timers/promises';

export interface Clock {
  /** Epoch milliseconds. */
  now: () => number;
  /** An abort ends the pause at once, by throwing the signal's reason. */
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Uniform in [0, 1). */
  random: () => number;
}

/** The machine's own. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (milliseconds, signal) =>
    setTimeout(milliseconds, undefined, { signal }).catch(() => {
      throw signal.reason; // Node throws an AbortError of its own, but callers look for what the abort was for
    }),
};
