/**
 * Holds a rate: something may start while the bucket is not in debt, and then takes what it costs, even into debt. So
 * one large request never waits for a bucket that can not hold it, and the mean is exactly the rate.
 */

/** What may start at once after a pause, as a share of a minute's worth: a quarter of a second. */
const BURST = 1 / 240;
const MINUTE_MS = 60_000;

export class RateBucket {
  private level = 0;
  private at: number;

  constructor(
    /** Per minute. */
    private rate: number,
    now: number,
  ) {
    this.at = now;
  }

  setRate(rate: number, now: number): void {
    this.refill(now);
    this.rate = rate;
  }

  /** Milliseconds until the next start; 0 = now. */
  waitMs(now: number): number {
    this.refill(now);
    // whole milliseconds: sums of fractions never come back to exactly nothing
    return this.level > -1e-6 ? 0 : Math.ceil((-this.level / this.rate) * MINUTE_MS);
  }

  /** A negative cost gives back what was taken too much. */
  take(cost: number, now: number): void {
    this.refill(now);
    this.level -= cost;
  }

  /** The server says that nothing is left: what was saved up is worth nothing. */
  empty(now: number): void {
    this.refill(now);
    this.level = Math.min(this.level, 0);
  }

  private refill(now: number): void {
    // a clock that was set back refills nothing
    this.level = Math.min(this.rate * BURST, this.level + (Math.max(0, now - this.at) / MINUTE_MS) * this.rate);
    this.at = now;
  }
}
