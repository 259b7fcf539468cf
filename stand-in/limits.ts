/**
 * The rate limits of the stand-in, as the vendor has them: token buckets with continuous refill for requests, input and
 * output tokens a minute, and a limit on requests at once. Pure: time is an argument, so that ideal.ts can simulate it.
 *
 * A bucket holds one second's worth (requests: `burst`). A request needs one whole request token, and token buckets that
 * are not in debt; what it costs is then taken, even into debt. So a large request passes, too, and the mean is exact.
 */
import { z } from 'zod';

const perMinute = z.number().positive().optional();

const limits = z.strictObject({
  requestsPerMinute: perMinute,
  /** Requests that a full bucket holds, at least 1. Default: one second's worth. */
  burst: z.number().min(1).optional(),
  inputTokensPerMinute: perMinute,
  outputTokensPerMinute: perMinute,
  /** Most requests at once. */
  concurrency: z.int().nonnegative().optional(),
  /** `concurrency` from so many milliseconds after the first request on; before the first entry the one above holds. */
  schedule: z
    .array(z.strictObject({ atMs: z.number().nonnegative(), concurrency: z.int().nonnegative() }))
    .refine((steps) => steps.every(({ atMs }, index) => index === 0 || atMs > steps[index - 1]!.atMs), {
      message: 'must be in the order of time',
    })
    .optional(),
  /** The `retry-after` of a rejection: true (default) = whole seconds until a request would pass, false = none. */
  retryAfter: z.union([z.boolean(), z.number().nonnegative()]).optional(),
});
export type LimitOptions = z.infer<typeof limits>;

/** Throws a `ZodError` for what is no set of limits. */
export function parseLimits(value: unknown): LimitOptions {
  return limits.parse(value);
}

export interface Cost {
  inputTokens: number;
  outputTokens: number;
}

export interface Rejection {
  message: string;
  /** Milliseconds until a request would pass, as far as time alone decides; null for the concurrency limit. */
  waitMs: number | null;
}

const MINUTE_MS = 60_000;
/** Sums of fractions never come back to exactly a whole. */
const EPSILON = 1e-9;

class Bucket {
  private level: number;

  constructor(
    readonly perMinute: number,
    private readonly capacity: number,
    /** Level that a request needs. */
    private readonly needed: number,
    private at: number,
  ) {
    this.level = capacity;
  }

  waitMs(now: number): number {
    this.refill(now);
    const missing = this.needed - this.level;
    return missing <= EPSILON ? 0 : (missing / this.perMinute) * MINUTE_MS;
  }

  take(cost: number): void {
    this.level -= cost;
  }

  remaining(now: number): number {
    this.refill(now);
    return Math.max(0, Math.floor(this.level + EPSILON));
  }

  /** When it will be full, epoch milliseconds. */
  fullAt(now: number): number {
    this.refill(now);
    return now + ((this.capacity - this.level) / this.perMinute) * MINUTE_MS;
  }

  private refill(now: number): void {
    this.level = Math.min(this.capacity, this.level + ((now - this.at) / MINUTE_MS) * this.perMinute);
    this.at = now;
  }
}

/** The limits of one model. */
export class Limiter {
  private readonly requests: Bucket | null;
  private readonly input: Bucket | null;
  private readonly output: Bucket | null;
  private active = 0;
  private startedAt: number | null = null;

  constructor(
    private readonly options: LimitOptions,
    now: number,
  ) {
    const { requestsPerMinute, burst, inputTokensPerMinute, outputTokensPerMinute } = options;
    const tokens = (rate: number | undefined): Bucket | null =>
      rate === undefined ? null : new Bucket(rate, Math.max(1, rate / 60), 2 * EPSILON, now);
    this.requests =
      requestsPerMinute === undefined
        ? null
        : new Bucket(requestsPerMinute, Math.max(1, burst ?? requestsPerMinute / 60), 1, now);
    this.input = tokens(inputTokensPerMinute);
    this.output = tokens(outputTokensPerMinute);
  }

  /** Takes a request in, or says why not; rejected requests cost nothing. What is taken in is given back by `release`. */
  admit(now: number, cost: Cost): Rejection | null {
    this.startedAt ??= now;
    if (this.active >= this.concurrency(now)) {
      return { message: 'the number of concurrent connections exceeds your rate limit', waitMs: null };
    }
    const waitMs = this.waitMs(now);
    if (waitMs > 0) return { message: `this request would exceed your rate limit of ${this.used(now)}`, waitMs };
    this.requests?.take(1);
    this.input?.take(cost.inputTokens);
    this.output?.take(cost.outputTokens);
    this.active++;
    return null;
  }

  release(): void {
    this.active--;
  }

  /** Milliseconds until the buckets let a request pass, 0 = now. */
  waitMs(now: number): number {
    let wait = 0;
    if (this.requests !== null) wait = this.requests.waitMs(now);
    if (this.input !== null) wait = Math.max(wait, this.input.waitMs(now));
    if (this.output !== null) wait = Math.max(wait, this.output.waitMs(now));
    return wait;
  }

  concurrency(now: number): number {
    const { concurrency = Infinity, schedule } = this.options;
    if (schedule === undefined) return concurrency;
    const elapsed = now - (this.startedAt ?? now);
    return schedule.findLast(({ atMs }) => atMs <= elapsed)?.concurrency ?? concurrency;
  }

  /** The `retry-after` header of a rejection; null = none. */
  retryAfter({ waitMs }: Rejection): string | null {
    const { retryAfter = true } = this.options;
    if (retryAfter === false) return null;
    if (retryAfter !== true) return String(retryAfter);
    return String(Math.max(1, Math.ceil((waitMs ?? 0) / 1000)));
  }

  /** Names and values in turn. `now` is in epoch milliseconds. */
  headers(now: number): string[] {
    const found: string[] = [];
    const add = (name: string, bucket: Bucket, remaining: number): void => {
      const start = `anthropic-ratelimit-${name}`;
      found.push(`${start}-limit`, String(bucket.perMinute), `${start}-remaining`, String(remaining));
      found.push(`${start}-reset`, new Date(Math.ceil(bucket.fullAt(now))).toISOString());
    };
    const { requests, input, output } = this;
    if (requests !== null) add('requests', requests, requests.remaining(now));
    if (input !== null) add('input-tokens', input, rounded(input.remaining(now)));
    if (output !== null) add('output-tokens', output, rounded(output.remaining(now)));
    const tightest = input === null || (output !== null && share(output, now) < share(input, now)) ? output : input;
    if (tightest !== null) add('tokens', tightest, rounded(tightest.remaining(now)));
    return found;
  }

  /** The same as OpenAI's API has them: one limit on all tokens, and times until a bucket is full. */
  openAiHeaders(now: number): string[] {
    const found: string[] = [];
    const add = (name: string, bucket: Bucket, remaining: number): void => {
      found.push(`x-ratelimit-limit-${name}`, String(bucket.perMinute));
      found.push(`x-ratelimit-remaining-${name}`, String(remaining));
      found.push(`x-ratelimit-reset-${name}`, `${Math.ceil(bucket.fullAt(now) - now)}ms`);
    };
    const { requests, input, output } = this;
    if (requests !== null) add('requests', requests, requests.remaining(now));
    const tokens = input ?? output;
    if (tokens !== null) add('tokens', tokens, tokens.remaining(now));
    return found;
  }

  private used(now: number): string {
    if (this.requests !== null && this.requests.waitMs(now) > 0)
      return `${this.requests.perMinute} requests per minute`;
    if (this.input !== null && this.input.waitMs(now) > 0) return `${this.input.perMinute} input tokens per minute`;
    return `${this.output?.perMinute} output tokens per minute`;
  }
}

/** The vendor rounds tokens to the nearest thousand. Below that they stay exact: 0 would say that nothing is left. */
function rounded(tokens: number): number {
  return tokens < 1000 ? tokens : Math.round(tokens / 1000) * 1000;
}

function share(bucket: Bucket, now: number): number {
  return bucket.remaining(now) / bucket.perMinute;
}
