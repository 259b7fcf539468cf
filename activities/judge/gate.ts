/**
 * Decides when a request may start: how many at once, how many a minute, and not before the time the server named.
 *
 * A worker shares one gate among its shards, so that a 429 met by one holds them all. Concurrency is halved once per
 * episode of 429s and grows back by one for each round of clean replies; an overloaded server (529) only stops growth.
 * Nobody waits exactly what `retry-after` says: up to 20 % is added, or all would come back at the same instant.
 */
import { sleep as realSleep } from './sleep';

/** The server wants a pause too long to sit out in a slot: come back after `delayMs`, and give the slot to others. */
export class JudgeMustWait extends Error {
  override name = 'JudgeMustWait';
  constructor(
    readonly delayMs: number,
    reason: string,
  ) {
    super(`the judge asks for a pause of ${Math.ceil(delayMs / 1000)} s: ${reason}`);
  }
}

export interface GateOptions {
  /** Most requests at once. */
  concurrency: number;
  /** Most starts in any 60 s. After a pause a few come at once, the rest evenly spaced. Default: no limit. */
  requestsPerMinute?: number;
  /** Longer pauses are not sat out but thrown as `JudgeMustWait`. Default 15 s. */
  longestWaitMs?: number;
  now?: () => number;
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  random?: () => number;
}

const JITTER = 0.2;
const MINUTE_MS = 60_000;
/** Of a minute's requests, the share that may start at once after a pause. */
const BURST = 0.1;

export class Gate {
  readonly concurrency: number;
  private readonly longestWaitMs: number;
  private readonly now: () => number;
  private readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  private readonly random: () => number;
  /** Milliseconds between starts, and how far ahead of that pace a burst may run. */
  private readonly spacing: { everyMs: number; aheadMs: number };
  /** When the next request would start at an even pace. */
  private nextStart = 0;
  private limit: number;
  private active = 0;
  private clean = 0;
  private heldUntil = 0;
  private holdMs = 0;
  private reason = '';
  private waiters: (() => void)[] = [];

  constructor({
    concurrency,
    requestsPerMinute,
    longestWaitMs = 15_000,
    now = Date.now,
    sleep = realSleep,
    random = Math.random,
  }: GateOptions) {
    if (!Number.isInteger(concurrency) || concurrency < 1)
      throw new RangeError(`concurrency can not be ${concurrency}`);
    if (requestsPerMinute !== undefined && (!Number.isInteger(requestsPerMinute) || requestsPerMinute < 1))
      throw new RangeError(`requestsPerMinute can not be ${requestsPerMinute}`);
    this.concurrency = this.limit = concurrency;
    this.spacing = spacingOf(requestsPerMinute, concurrency);
    this.longestWaitMs = longestWaitMs;
    this.now = now;
    this.sleep = sleep;
    this.random = random;
  }

  /** Requests that may be in flight at present. */
  get allowed(): number {
    return this.limit;
  }

  /** Returns when a request may start; every return must be followed by one `leave`. Throws the signal's reason. */
  async enter(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const wait = this.heldUntil - this.now();
      if (wait > this.longestWaitMs) throw new JudgeMustWait(wait * (1 + this.random() * JITTER), this.reason);
      if (wait > 0) {
        await this.sleep(wait + this.random() * JITTER * this.holdMs, signal);
      } else if (this.active >= this.limit) {
        await this.turn(signal);
      } else {
        const early = this.nextStart - this.spacing.aheadMs - this.now();
        if (early <= 0) return this.start();
        await this.sleep(early, signal);
      }
    }
  }

  private start(): void {
    this.active++;
    this.nextStart = Math.max(this.nextStart, this.now()) + this.spacing.everyMs;
  }

  leave(): void {
    this.active--;
    this.wake();
  }

  /** A reply came as it should. */
  succeeded(): void {
    if (this.limit === this.concurrency || ++this.clean < this.limit) return;
    this.clean = 0;
    this.limit++;
    this.wake();
  }

  /** The server asked for a pause. `cut`: it is our rate that is too high, so fewer at once from now on. */
  hold(delayMs: number, reason: string, cut: boolean): void {
    const now = this.now();
    this.clean = 0;
    if (cut && now >= this.heldUntil) this.limit = Math.max(1, Math.floor(this.limit / 2));
    if (now + delayMs <= this.heldUntil) return;
    this.heldUntil = now + delayMs;
    this.holdMs = delayMs;
    this.reason = reason;
  }

  private turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.waiters.push(wake);
    });
  }

  private wake(): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const waiter of waiters) waiter();
  }
}

/** A burst of b and then one every 60 s / (N - b + 1) makes at most N starts in any minute. */
function spacingOf(requestsPerMinute: number | undefined, concurrency: number): { everyMs: number; aheadMs: number } {
  if (requestsPerMinute === undefined) return { everyMs: 0, aheadMs: 0 };
  const burst = Math.max(1, Math.min(concurrency, Math.floor(requestsPerMinute * BURST)));
  const everyMs = Math.ceil(MINUTE_MS / (requestsPerMinute - burst + 1)); // whole numbers add up exactly
  return { everyMs, aheadMs: (burst - 1) * everyMs };
}
