/**
 * The time that a perfect client needs on the stand-in: it knows the limits in advance, sends each request at the first
 * moment at which it passes, is never rejected but by the script, and costs no time itself. Computed in virtual time, with
 * the server's own limits and latencies.
 *
 *     node dist/stand-in/ideal.js '{"requests": 4000, "concurrency": 200, "latency": "100-300"}'
 */
import { z } from 'zod';
import { latencies, type Latency, parseLatency } from './latency';
import { Limiter, type LimitOptions, parseLimits } from './limits';
import { draws } from './seeded';

export interface IdealOptions {
  requests: number;
  /** Most requests that the client has in flight. */
  concurrency: number;
  /** Default none. */
  limits?: LimitOptions;
  /** Milliseconds. Default 0. */
  latency?: Latency;
  /** The server's. Default 1. */
  seed?: number;
  /** This share of the requests (0-1), drawn by the seed, is told at the first attempt to wait so many seconds. */
  delayed?: { share: number; seconds: number };
  /** Tokens of each request; needed where they are limited. */
  inputTokens?: number;
  outputTokens?: number;
}

/** Milliseconds from the first request to the last reply. Throws a `RangeError` when no client could ever finish. */
export function idealMs(options: IdealOptions): number {
  const { requests, concurrency, limits = {}, latency = 0, seed = 1, delayed } = options;
  const cost = {
    inputTokens: tokens('inputTokens', limits.inputTokensPerMinute, options.inputTokens),
    outputTokens: tokens('outputTokens', limits.outputTokensPerMinute, options.outputTokens),
  };
  const limiter = new Limiter(limits, 0);
  const nextLatency = latencies(latency, seed);
  const draw = draws(seed + 1);
  const changes = (limits.schedule ?? []).map(({ atMs }) => atMs);
  /** End times of what is in flight, and times at which delayed requests may be sent again, each in ascending order. */
  const inFlight: number[] = [];
  const waiting: number[] = [];
  let untried = requests;
  /** Whether the next untried request is told to wait: drawn once for each. */
  let told: boolean | null = null;
  let now = 0;
  let end = 0;
  for (;;) {
    for (; inFlight.length > 0 && inFlight[0]! <= now; inFlight.shift()) limiter.release();
    while (inFlight.length < concurrency) {
      const again = waiting.length > 0 && waiting[0]! <= now;
      if (!again && untried === 0) break;
      if (!again && delayed !== undefined && (told ??= draw() < delayed.share)) {
        untried--;
        told = null;
        waiting.push(now + delayed.seconds * 1000); // ascending, since time is
        continue;
      }
      if (limiter.admit(now, cost) !== null) break;
      if (again) {
        waiting.shift();
      } else {
        untried--;
        told = null;
      }
      const ends = now + nextLatency();
      end = Math.max(end, ends);
      if (ends <= now) limiter.release();
      else insert(inFlight, ends);
    }
    if (untried === 0 && waiting.length === 0) return end;
    const bucket = limiter.waitMs(now);
    const next = Math.min(
      inFlight[0] ?? Infinity,
      bucket > 0 ? now + bucket : Infinity,
      waiting.find((at) => at > now) ?? Infinity,
      changes.find((at) => at > now) ?? Infinity,
    );
    if (next === Infinity) throw new RangeError('the limits never let the remaining requests pass');
    now = next;
  }
}

function tokens(name: string, limit: number | undefined, each: number | undefined): number {
  if (limit !== undefined && each === undefined) throw new TypeError(`tokens are limited, so ${name} is needed`);
  return each ?? 0;
}

function insert(sorted: number[], value: number): void {
  let index = sorted.length;
  while (index > 0 && sorted[index - 1]! > value) index--;
  sorted.splice(index, 0, value);
}

const latencyField = z.union([
  z.number().nonnegative(),
  z.string().transform((text) => parseLatency(text)),
  z.strictObject({ min: z.int().nonnegative(), max: z.int().nonnegative() }),
]);
const argument = z.strictObject({
  requests: z.int().positive(),
  concurrency: z.int().positive(),
  limits: z
    .unknown()
    .optional()
    .transform((value) => parseLimits(value ?? {})),
  latency: latencyField.default(0),
  seed: z.int().default(1),
  delayed: z.strictObject({ share: z.number().min(0).max(1), seconds: z.number().nonnegative() }).optional(),
  inputTokens: z.number().nonnegative().optional(),
  outputTokens: z.number().nonnegative().optional(),
});

/** The options as JSON; a latency may also be the text `MIN-MAX`. Throws a `ZodError`. */
export function parseIdealOptions(text: string): IdealOptions {
  const { delayed, inputTokens, outputTokens, ...rest } = argument.parse(JSON.parse(text));
  return {
    ...rest,
    ...(delayed === undefined ? {} : { delayed }),
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
  };
}

if (require.main === module) {
  try {
    const ideal = idealMs(parseIdealOptions(process.argv[2] ?? ''));
    process.stdout.write(`${JSON.stringify({ idealMs: ideal })}\n`);
  } catch (error) {
    process.stderr.write(`ideal time: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
