/**
 * The stand-in's scripted faults: what a real API, or what lies between, does on a bad day. For tests and drills.
 *
 * A fault applies to the next `count` requests, to each `every`-th one, or to those whose prompt contains `match`; of
 * several that apply to a request the first in the list is used.
 */
import { z } from 'zod';

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

/**
 * Paid: `cut_body`, `stalled_body`, `slow`, `malformed`, and the replies `refusal`, `empty`, `max_tokens`, `prose`,
 * `out_of_range`. Not paid: `reset`, `html_200`, `html_502`, `wrong_shape`, which never reach a model.
 */
const OTHERS = [
  'html_200',
  'html_502',
  'wrong_shape',
  'malformed',
  'cut_body',
  'stalled_body',
  'reset',
  'slow',
  'refusal',
  'empty',
  'max_tokens',
  'prose',
  'out_of_range',
] as const;

export type ApiErrorKind = keyof typeof API_ERRORS;
export type FaultKind = ApiErrorKind | (typeof OTHERS)[number];

const fault = z.strictObject({
  kind: z.enum([...(Object.keys(API_ERRORS) as ApiErrorKind[]), ...OTHERS]),
  /** Requests it applies to. Default 1; without limit if `every` or `match` is given. */
  count: z.int().positive().optional(),
  every: z.int().positive().optional(),
  match: z.string().min(1).optional(),
  /** `retry-after` header; '' = none. Default as the API does for this error. */
  retryAfter: z.string().optional(),
  /** `slow`: milliseconds. Default 1000. */
  ms: z.int().nonnegative().optional(),
  /** The error's message. */
  message: z.string().optional(),
});
export type Fault = z.infer<typeof fault>;

/** Throws a `ZodError` for what is no list of faults. */
export function parseFaults(value: unknown): Fault[] {
  return z.array(fault).parse(value);
}

export class FaultScript {
  private rules: { fault: Fault; seen: number; left: number }[] = [];

  constructor(faults: readonly Fault[] = []) {
    this.set(faults);
  }

  set(faults: readonly Fault[]): void {
    this.rules = faults.map((fault) => ({
      fault,
      seen: 0,
      left: fault.count ?? (fault.every === undefined && fault.match === undefined ? 1 : Infinity),
    }));
  }

  /** The faults that can still apply. */
  pending(): Fault[] {
    return this.rules.filter(({ left }) => left > 0).map(({ fault }) => fault);
  }

  /** The fault for the next request, null for none. */
  next(prompt: string): Fault | null {
    for (const rule of this.rules) {
      const { match, every = 1 } = rule.fault;
      if (rule.left === 0 || (match !== undefined && !prompt.includes(match))) continue;
      rule.seen++;
      if (rule.seen % every !== 0) continue;
      rule.left--;
      return rule.fault;
    }
    return null;
  }
}
