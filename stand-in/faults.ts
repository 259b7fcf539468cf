/**
 * The stand-in's scripted faults: what a real API, or what lies between, does on a bad day. For tests and drills.
 *
 * A fault applies to the next `count` requests, to each `every`-th one, to those whose prompt contains `match`, or to a
 * `share` of the judged texts, decided by their hash; of several that apply to a request the first in the list is used.
 *
 *     {"kind": "server_error", "share": 0.02, "sticky": true}                  2 % always fail
 *     {"kind": "rate_limit", "retryAfter": "89", "share": 0.05}                5 % are told once to wait 89 s
 *     {"kind": "reply_lost", "on": "batch_create"}                             a batch is made, and nobody hears of it
 */
import { z } from 'zod';
import { fractionOf, hash53 } from './seeded';

interface ApiError {
  status: number;
  type: string;
  errorCode?: string;
  message: string;
  retryAfter?: string;
}

/** Answers with an error of the API; the request is not paid. */
export const API_ERRORS = {
  rate_limit: { status: 429, type: 'rate_limit_error', message: 'rate limit', retryAfter: '1' },
  ramp_limit: {
    status: 429,
    type: 'rate_limit_error',
    errorCode: 'ramp_limit_exceeded',
    message: 'acceleration limit',
    retryAfter: '1',
  },
  spend_limit: {
    status: 429,
    type: 'rate_limit_error',
    errorCode: 'enforced_spend_limit_reached',
    message: 'monthly spend limit reached',
  },
  billing: { status: 402, type: 'billing_error', message: 'no credit' },
  authentication: { status: 401, type: 'authentication_error', message: 'invalid key' },
  permission: { status: 403, type: 'permission_error', message: 'not allowed' },
  on_hold: {
    status: 400,
    type: 'invalid_request_error',
    errorCode: 'organization_on_hold',
    message: 'organization on hold',
  },
  unknown_model: { status: 404, type: 'not_found_error', message: 'model not found' },
  not_found: { status: 404, type: 'not_found_error', message: 'not found' },
  bad_request: { status: 400, type: 'invalid_request_error', message: 'bad request' },
  unprocessable: { status: 422, type: 'invalid_request_error', message: 'unprocessable' },
  too_large: { status: 413, type: 'request_too_large', message: 'request too large' },
  conflict: { status: 409, type: 'conflict_error', message: 'conflict' },
  timeout: { status: 408, type: 'timeout_error', message: 'timeout' },
  server_error: { status: 500, type: 'api_error', message: 'internal error' },
  overloaded: { status: 529, type: 'overloaded_error', message: 'overloaded' },
  /** An error object with status 200. */
  error_200: { status: 200, type: 'overloaded_error', message: 'overloaded' },
} as const satisfies Record<string, ApiError>;

/** They never reach a model: not paid. */
const IN_BETWEEN = ['html_200', 'html_502', 'wrong_shape', 'reset'] as const;
/** What was asked is done and paid, and the reply comes late, in part, or not at all. */
const ON_THE_WAY_BACK = ['malformed', 'cut_body', 'stalled_body', 'reply_lost', 'slow'] as const;
/** What the model says instead of its verdict: paid. */
const REPLIES = ['refusal', 'empty', 'max_tokens', 'prose', 'out_of_range'] as const;
/**
 * Batches only. `late_commit`: the batch is made only after `ms`, whether or not the client still waits; `not_found_yet`:
 * for `ms` after its creation nobody but the list knows it; `cut_results`: after `rows` rows.
 */
const BATCHES = ['late_commit', 'not_found_yet', 'cut_results'] as const;

export type ApiErrorKind = keyof typeof API_ERRORS;
export type ReplyKind = (typeof REPLIES)[number];
export type FaultKind =
  ApiErrorKind | (typeof IN_BETWEEN)[number] | (typeof ON_THE_WAY_BACK)[number] | ReplyKind | (typeof BATCHES)[number];

const OPERATIONS = [
  'messages',
  'count_tokens',
  'models',
  'batch_create',
  'batch_retrieve',
  'batch_list',
  'batch_cancel',
  'batch_delete',
  'batch_results',
  'file_upload',
  'files',
] as const;
export type Operation = (typeof OPERATIONS)[number];

const fault = z
  .strictObject({
    kind: z.enum([
      ...(Object.keys(API_ERRORS) as ApiErrorKind[]),
      ...IN_BETWEEN,
      ...ON_THE_WAY_BACK,
      ...REPLIES,
      ...BATCHES,
    ]),
    /** Which requests it applies to. Default `messages`; for the kinds of batches alone, those that they can apply to. */
    on: z.enum(OPERATIONS).optional(),
    /** Requests it applies to. Default 1; without limit if `every`, `match` or `share` is given. */
    count: z.int().positive().optional(),
    every: z.int().positive().optional(),
    match: z.string().min(1).optional(),
    /** 0-1 of the judged texts. A text's first request only (one for each prompt about it), unless `sticky`. */
    share: z.number().min(0).max(1).optional(),
    /** With `share`: each request of such a text. Standing faults (sticky, or just `match`) also hit items of batches. */
    sticky: z.boolean().optional(),
    /** `retry-after` header; '' = none. Default as the API does for this error. */
    retryAfter: z.string().optional(),
    /** Milliseconds before anything happens. `slow`: on top of the latency. Default 0; `slow` and batches' kinds: 1000. */
    ms: z.int().nonnegative().optional(),
    /** `cut_results`: complete rows before the cut. Default 0. */
    rows: z.int().nonnegative().optional(),
    /** The error's message. */
    message: z.string().optional(),
  })
  .refine(({ sticky, share }) => sticky === undefined || share !== undefined, 'sticky needs share');
export type Fault = z.infer<typeof fault>;

/** Throws a `ZodError` for what is no list of faults. */
export function parseFaults(value: unknown): Fault[] {
  return z.array(fault).parse(value);
}

export function isApiError(kind: FaultKind): kind is ApiErrorKind {
  return kind in API_ERRORS;
}

export function isReply(kind: FaultKind): kind is ReplyKind {
  return (REPLIES as readonly string[]).includes(kind);
}

export function isOnTheWayBack(kind: FaultKind): boolean {
  return (ON_THE_WAY_BACK as readonly string[]).includes(kind);
}

interface Rule {
  fault: Fault;
  on: Operation;
  seen: number;
  left: number;
  /** The seed of its share: differs between the rules of one kind, so that their shares are independent. */
  salt: number;
  /** Prompts that have had their first request. */
  met: Set<number>;
}

export class FaultScript {
  private rules: Rule[] = [];

  constructor(
    faults: readonly Fault[] = [],
    private readonly seed = 1,
  ) {
    this.set(faults);
  }

  set(faults: readonly Fault[]): void {
    const ofKind = new Map<FaultKind, number>();
    this.rules = faults.map((fault) => {
      const nth = ofKind.get(fault.kind) ?? 0;
      ofKind.set(fault.kind, nth + 1);
      const selective = fault.every !== undefined || fault.match !== undefined || fault.share !== undefined;
      return {
        fault,
        on: fault.on ?? DEFAULT_OPERATIONS[fault.kind] ?? 'messages',
        seen: 0,
        left: fault.count ?? (selective ? Infinity : 1),
        salt: hash53(`${fault.kind} ${nth}`, this.seed) % 2 ** 32,
        met: new Set(),
      };
    });
  }

  /** The faults that can still apply. */
  pending(): Fault[] {
    return this.rules.filter(({ left }) => left > 0).map(({ fault }) => fault);
  }

  /** The fault for the next request, null for none. `judged`: the text that decides about shares. */
  next(prompt: string, on: Operation = 'messages', judged: string = prompt): Fault | null {
    for (const rule of this.rules) {
      if (rule.on !== on || rule.left === 0 || !concerns(rule, prompt, judged)) continue;
      if (rule.fault.share !== undefined && rule.fault.sticky !== true) {
        const hash = hash53(prompt);
        if (rule.met.has(hash)) continue;
        rule.met.add(hash);
      }
      rule.seen++;
      if (rule.seen % (rule.fault.every ?? 1) !== 0) continue;
      rule.left--;
      return rule.fault;
    }
    return null;
  }

  /** The fault that a text always has, wherever it is judged: it also applies to an item of a batch. */
  standing(prompt: string, judged: string): Fault | null {
    const always = ({ on, fault: { count, every, match, share, sticky } }: Rule): boolean =>
      on === 'messages' &&
      count === undefined &&
      every === undefined &&
      (share === undefined ? match !== undefined : sticky === true);
    return this.rules.find((rule) => always(rule) && concerns(rule, prompt, judged))?.fault ?? null;
  }
}

const DEFAULT_OPERATIONS: Partial<Record<FaultKind, Operation>> = {
  late_commit: 'batch_create',
  not_found_yet: 'batch_create',
  cut_results: 'batch_results',
};

function concerns({ fault: { match, share }, salt }: Rule, prompt: string, judged: string): boolean {
  if (match !== undefined && !prompt.includes(match)) return false;
  return share === undefined || fractionOf(judged, salt) < share;
}
