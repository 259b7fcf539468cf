/**
 * Decides when a request may start: within the account's share that this worker holds, below the rates that the server
 * names, and with as many at once as it takes. One pace per worker and model, so that what one shard meets holds all.
 *
 * - Without a share that is still valid nothing starts (account-share.ts gets one and renews it).
 * - Rates (requests, input and output tokens a minute) come from the reply headers, bounded by the experiment file; of
 *   them this worker uses its share. How many at once is found out (concurrency-limit.ts).
 * - A 429 with a limit used up holds every request until the time that the server names, and lowers the rate a little:
 *   somebody else uses the account, too. Any other 429 holds its own request only, unless nothing else passes; it says
 *   that there were too many at once, unless its pause is a long one.
 * - Nobody waits exactly what `retry-after` says: up to 20 %, at most 4 s, is added, or all would come back at once.
 */
import { NO_RATES, RATES, tighter, type Rate, type Rates } from '../../experiment/rates';
import type { Share } from '../../workflows/account-messages';
import type { Clock } from '../clock';
import { JudgeMustWait, type WaitKind } from '../errors';
import { ConcurrencyLimit, FIRST_LIMIT } from './concurrency-limit';
import { RateBucket } from './rate-bucket';
import type { RateLimits } from './rate-limits';

/** A worker's share as `Pace` needs it. */
export interface ValidShare extends Omit<Share, 'validMs' | 'renewMs' | 'pause'> {
  /** Epoch milliseconds, by this machine's clock. */
  until: number;
}

/** Longer pauses are not sat out but thrown as `JudgeMustWait`. */
export const LONGEST_WAIT_MS = 15_000;
const JITTER = 0.2;
const LONGEST_JITTER_MS = 4_000;
/**
 * Rejections without any reply between them: the server takes nothing at present. As many as are in flight at least, since
 * rejections come back before replies; of long pauses a part of that is enough, since they do not lower the limit.
 */
const HOLD_AFTER = 5;
const HOLD_AFTER_LONG = 1 / 4;
/** A used-up limit lowers our rate by a tenth; a tenth is regained in ten seconds. */
const SLOWER = 0.9;
const SLOWEST = 0.1;
const REGAINED_PER_MS = 0.01 / 1000;
/** Weight of the newest reply in what a request is expected to cost. */
const NEWEST = 0.05;

export interface Usage {
  inputTokens: number;
  outputTokens: number;
}

interface Waiter {
  characters: number;
  start: (ticket: Ticket) => void;
  refuse: (error: Error) => void;
}

/** A request in flight. Every ticket is given back by one `leave`. */
export interface Ticket {
  /** From 1, in the order of starts. */
  readonly number: number;
  replied(usage: Usage, limits: RateLimits | null): void;
  /** A 429 or 529. Its own request is to wait `delayMs` before it enters again. */
  rejected(kind: WaitKind, delayMs: number, limits: RateLimits | null, reason: string): void;
  /** The server failed it: nothing is cut, and while many fail nothing grows. */
  troubled(): void;
  leave(): void;
}

export class Pace {
  private share: ValidShare | null = null;
  private limit: ConcurrencyLimit | null = null;
  /** Most in flight, as promised while a share is asked for. */
  private promised = Infinity;
  private readonly buckets = new Map<Rate, RateBucket>();
  private learned: Rates = { ...NO_RATES };
  private factor = 1;
  private factorAt: number;
  private slowedUpTo = -1;
  private started = 0;
  private active = 0;
  private heldUntil = 0;
  private holdReason = '';
  private rejectionsInRow = 0;
  /** When the server last answered any request, of whichever shard: epoch milliseconds, 0 = never. */
  heardAt = 0;
  private tokensPerCharacter = 0.25;
  private outputTokens = 5;
  private readonly waiters: Waiter[] = [];
  private timer: AbortController | null = null;
  /** Called when a request wants to start: a share may be needed. */
  onDemand: (() => void) | undefined;

  constructor(private readonly clock: Clock) {
    this.factorAt = clock.now();
  }

  /** The pace of a single process that shares the account with nobody. */
  static alone(clock: Clock, concurrency: number, rates: Rates = NO_RATES): Pace {
    const pace = new Pace(clock);
    pace.grant({
      limitChange: concurrency,
      neverRejected: false,
      maxInFlight: concurrency,
      fraction: 1,
      workers: 1,
      mayProbe: true,
      limitRose: false,
      rates,
      until: Infinity,
    });
    return pace;
  }

  /** Requests in flight. */
  get inFlight(): number {
    return this.active;
  }

  /** Requests that want to start or are in flight. */
  get demand(): number {
    return this.waiters.length + this.active;
  }

  /** As many as may start wait already: more work would only lie here. */
  get full(): boolean {
    return this.waiters.length > this.allowed;
  }

  /** Requests that may be in flight at present. */
  get allowed(): number {
    return this.share === null || this.limit === null
      ? 0
      : Math.min(this.share.maxInFlight, this.limit.allowed, this.promised);
  }

  /** Requests wait only because the share has no more places. */
  get needsLargerShare(): boolean {
    const { share, limit } = this;
    return share !== null && this.waiters.length > 0 && (limit === null || limit.allowed >= share.maxInFlight);
  }

  /** Requests at once that the server takes of this worker, as far as it is known. */
  get knownLimit(): number | null {
    return this.limit?.knownLimit ?? null;
  }

  /** The server has never had too many at once. */
  get neverRejected(): boolean {
    return this.limit?.neverRejected ?? true;
  }

  /** What the server said about the account's rates. */
  get learnedRates(): Rates {
    return this.learned;
  }

  /** Epoch milliseconds and reason while every request is held. */
  get held(): { until: number; reason: string } | null {
    return this.heldUntil > this.clock.now() ? { until: this.heldUntil, reason: this.holdReason } : null;
  }

  /**
   * Most requests that will be in flight until the next grant: the account may give the rest of a share that it lowers to
   * others at once. A limit triples with a round of replies, so no more than that would be used anyway.
   */
  promiseInFlight(): number {
    const most =
      this.share === null || this.limit === null ? 0 : Math.min(this.share.maxInFlight, 3 * this.limit.allowed);
    this.promised = Math.max(this.active, most);
    return this.promised;
  }

  grant(share: ValidShare): void {
    this.share = share;
    this.promised = Infinity;
    if (share.maxInFlight === 0) return; // others still hold what is to be this worker's
    if (this.limit === null) {
      // what starts at once is shared, too
      const first = share.neverRejected ? Math.ceil(FIRST_LIMIT * share.fraction) : share.limitChange;
      this.limit = new ConcurrencyLimit(share.maxInFlight, first);
    } else {
      // what goes to others goes from what it has, not from what is left of it under a lower bound
      if (share.limitChange < 0) this.limit.changeBy(share.limitChange);
      this.limit.setMaxInFlight(share.maxInFlight, share.neverRejected);
      if (share.limitChange > 0) this.limit.changeBy(share.limitChange);
    }
    this.limit.setReplyPart(share.mayProbe || share.limitRose ? 1 / share.workers : null);
    if (share.limitRose) this.limit.growAgain();
    this.pump();
  }

  /** The share was given back. What was learned of the server stays. */
  release(): void {
    this.share = null;
  }

  /** Ends all that wait, with `error`. What is in flight goes on. */
  refuseAll(error: Error): void {
    for (const waiter of this.waiters.splice(0)) waiter.refuse(error);
  }

  /**
   * Resolves when a request of so many characters may start; `first`: it has waited before. Throws the signal's reason,
   * `JudgeMustWait`, or what `refuseAll` was given.
   */
  enter(characters: number, signal: AbortSignal, first = false): Promise<Ticket> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const abort = (): void => {
        const index = this.waiters.indexOf(waiter);
        if (index >= 0) this.waiters.splice(index, 1);
        if (this.waiters.length === 0) this.timer?.abort(); // or it would hold a process that wants to end
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        characters,
        start: (ticket) => {
          signal.removeEventListener('abort', abort);
          resolve(ticket);
        },
        refuse: (error) => {
          signal.removeEventListener('abort', abort);
          reject(error);
        },
      };
      signal.addEventListener('abort', abort, { once: true });
      if (first) this.waiters.unshift(waiter);
      else this.waiters.push(waiter);
      this.onDemand?.();
      this.pump();
    });
  }

  /** The server answered a request, if only that this one's text is refused. */
  heard(): void {
    this.heardAt = this.clock.now();
  }

  /** The pause that `delayMs` becomes: up to 20 % longer. */
  jittered(delayMs: number): number {
    return delayMs + this.clock.random() * Math.min(JITTER * delayMs, LONGEST_JITTER_MS);
  }

  private pump(): void {
    const now = this.clock.now();
    while (this.waiters.length > 0) {
      if (this.share === null || this.share.until <= now) return; // the next grant pumps
      if (this.heldUntil > now) {
        const wait = this.heldUntil - now;
        if (wait > LONGEST_WAIT_MS) return this.refuseAll(new JudgeMustWait(wait, this.holdReason));
        return this.later(wait);
      }
      if (this.active >= this.allowed) return; // whoever leaves pumps
      const wait = this.rateWait(now);
      if (wait > 0) return this.later(wait);
      this.start(this.waiters.shift()!, now);
    }
  }

  /** Milliseconds until the rates allow another start. */
  private rateWait(now: number): number {
    let wait = 0;
    for (const rate of RATES) {
      const perMinute = this.rateOf(rate, now);
      if (perMinute === null) {
        this.buckets.delete(rate);
        continue;
      }
      let bucket = this.buckets.get(rate);
      if (bucket === undefined) this.buckets.set(rate, (bucket = new RateBucket(perMinute, now)));
      else bucket.setRate(perMinute, now);
      wait = Math.max(wait, bucket.waitMs(now));
    }
    return wait;
  }

  private rateOf(rate: Rate, now: number): number | null {
    const account = tighter(this.learned[rate], this.share!.rates[rate]);
    if (account === null) return null;
    if (this.factor < 1) {
      this.factor = Math.min(1, this.factor + Math.max(0, now - this.factorAt) * REGAINED_PER_MS);
      this.factorAt = now;
    }
    // a share can be nothing while others still hold theirs
    return Math.max(account * this.share!.fraction * this.factor, 1e-9);
  }

  private start(waiter: Waiter, now: number): void {
    const number = ++this.started;
    const expected: Record<Rate, number> = {
      requestsPerMinute: 1,
      inputTokensPerMinute: waiter.characters * this.tokensPerCharacter,
      outputTokensPerMinute: this.outputTokens,
    };
    for (const [rate, bucket] of this.buckets) bucket.take(expected[rate], now);
    this.active++;
    waiter.start({
      number,
      replied: (usage, limits) => this.replied(number, waiter.characters, expected, usage, limits),
      rejected: (kind, delayMs, limits, reason) => this.rejected(number, kind, delayMs, limits, reason),
      troubled: () => this.limit!.troubled(),
      leave: () => {
        this.active--;
        this.pump();
      },
    });
  }

  private replied(
    number: number,
    characters: number,
    expected: Record<Rate, number>,
    { inputTokens, outputTokens }: Usage,
    limits: RateLimits | null,
  ): void {
    const now = this.clock.now();
    this.rejectionsInRow = 0;
    // one more is tried only while there is work for another round: a rejection would cost most at the very end
    const saturated = this.active >= this.allowed && this.waiters.length >= this.allowed;
    this.limit!.succeeded(number, saturated);
    this.buckets.get('inputTokensPerMinute')?.take(inputTokens - expected.inputTokensPerMinute, now);
    this.buckets.get('outputTokensPerMinute')?.take(outputTokens - expected.outputTokensPerMinute, now);
    if (characters > 0) this.tokensPerCharacter += NEWEST * (inputTokens / characters - this.tokensPerCharacter);
    this.outputTokens += NEWEST * (outputTokens - this.outputTokens);
    this.learn(limits);
  }

  private rejected(number: number, kind: WaitKind, delayMs: number, limits: RateLimits | null, reason: string): void {
    const now = this.clock.now();
    this.learn(limits);
    this.rejectionsInRow++;
    const long = delayMs > LONGEST_WAIT_MS;
    if (kind === 'overloaded') {
      this.limit!.overloaded();
    } else if (kind === 'ramp_limit') {
      this.limit!.ramped(number, this.started);
      this.slow(number, 0.5, now);
    } else if (limits?.exhausted === true) {
      this.slow(number, SLOWER, now);
      for (const bucket of this.buckets.values()) bucket.empty(now);
      this.hold(delayMs, reason, now);
    } else if (!long) {
      // a place becomes free within seconds, so a longer pause says nothing of how many there are
      this.limit!.rejected(number, this.started, this.active);
    }
    const nothingPasses = Math.max(HOLD_AFTER, this.active * (long ? HOLD_AFTER_LONG : 1));
    if (this.rejectionsInRow >= nothingPasses) this.hold(delayMs, reason, now);
  }

  private hold(delayMs: number, reason: string, now: number): void {
    if (now + delayMs <= this.heldUntil) return;
    this.heldUntil = now + this.jittered(delayMs);
    this.holdReason = reason;
  }

  /** Once per episode: requests started before the last cut tell nothing new. */
  private slow(number: number, by: number, now: number): void {
    if (number <= this.slowedUpTo) return;
    this.slowedUpTo = this.started;
    this.factor = Math.max(SLOWEST, this.factor * by);
    this.factorAt = now;
  }

  private learn(limits: RateLimits | null): void {
    if (limits === null) return;
    for (const rate of RATES) {
      const limit = limits.limits[rate];
      if (limit !== null && limit > 0) this.learned[rate] = limit;
    }
  }

  private later(milliseconds: number): void {
    this.timer?.abort();
    const timer = (this.timer = new AbortController());
    this.clock.sleep(milliseconds, timer.signal).then(
      () => this.pump(),
      () => undefined, // replaced by another timer
    );
  }
}
