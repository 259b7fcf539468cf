/**
 * Lets timers and sockets have their turn within long work that waits for nothing: a worker whose heartbeats do not go out
 * is taken for dead, and its work is begun once more beside it.
 */
import { setImmediate } from 'node:timers/promises';
import type { Steps } from '../experiment/steps';

/** Milliseconds of work between two turns. */
const MOST = 100;

export class Turns {
  private since = performance.now();

  /** Whether the others have waited long enough: then `give` them their turn. Cheap, to be asked for every item. */
  get due(): boolean {
    return performance.now() - this.since > MOST;
  }

  async give(): Promise<void> {
    await setImmediate();
    this.since = performance.now();
  }

  /** Runs work that pauses; the others have their turn in its pauses. Returns what it comes to. */
  async through<T>(steps: Steps<T>): Promise<T> {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      if (this.due) await this.give();
    }
  }
}
