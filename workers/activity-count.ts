/**
 * How many activities this worker runs, and since when it has run none: for `--exit-when-idle` and for the metrics.
 */
import type { ActivityInterceptorsFactory } from '@temporalio/worker';

export interface ActivityWatcher {
  started(activity: string): void;
  /** `error`: what it threw. */
  ended(activity: string, error: unknown): void;
}

export class ActivityCount {
  private running = 0;
  private idleSince: number;

  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly watcher?: ActivityWatcher,
  ) {
    this.idleSince = now();
  }

  /** Milliseconds since the last activity ended, or since the start; 0 while one runs. */
  get idleMs(): number {
    return this.running > 0 ? 0 : this.now() - this.idleSince;
  }

  readonly interceptor: ActivityInterceptorsFactory = ({ info }) => ({
    inbound: { execute: (input, next) => this.during(info.activityType, () => next(input)) },
  });

  /** Counts `work` as a running activity. */
  async during<T>(activity: string, work: () => Promise<T>): Promise<T> {
    this.running += 1;
    this.watcher?.started(activity);
    let thrown: unknown = null;
    try {
      return await work();
    } catch (error) {
      thrown = error ?? new Error('nothing was thrown');
      throw error;
    } finally {
      this.running -= 1;
      this.idleSince = this.now();
      this.watcher?.ended(activity, thrown);
    }
  }
}
