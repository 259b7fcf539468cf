/** A clock for simulations: time passes only when everybody waits, and then jumps to the next timer. */
import type { Clock } from '../../../../judge/clock';
import { setImmediate } from 'node:timers/promises';

export class VirtualClock implements Clock {
  private time = 0;
  private readonly timers: { at: number; order: number; fire: () => void }[] = [];
  private order = 0;
  private seed: number;

  constructor(seed = 1) {
    this.seed = seed;
  }

  now = (): number => this.time;

  /** Deterministic, uniform in [0, 1). */
  random = (): number => {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0;
    return this.seed / 2 ** 32;
  };

  sleep = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const abort = (): void => {
        this.timers.splice(this.timers.indexOf(timer), 1);
        reject(signal!.reason as Error);
      };
      const fire = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const timer = { at: this.time + milliseconds, order: this.order++, fire };
      this.timers.push(timer);
      signal?.addEventListener('abort', abort, { once: true });
    });

  /** Runs until `work` has ended. Throws when everybody waits for something else than time. */
  async run(work: Promise<unknown>): Promise<void> {
    let over = false;
    const ended = work.finally(() => (over = true));
    ended.catch(() => undefined);
    for (;;) {
      await setImmediate();
      await setImmediate(); // what the last timer has put off to the end of its turn belongs to its time
      if (over) break;
      if (this.timers.length === 0) throw new Error(`nothing moves at ${this.time} ms`);
      let next = this.timers[0]!;
      for (const timer of this.timers) {
        if (timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
      }
      this.timers.splice(this.timers.indexOf(next), 1);
      this.time = Math.max(this.time, next.at);
      next.fire();
    }
    await ended;
  }
}
