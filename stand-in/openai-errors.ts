/** The errors of the stand-in as OpenAI's API has them: other statuses for some kinds, and codes in place of types. */
import { API_ERRORS, type ApiErrorKind } from './faults';

interface OpenAiError {
  status: number;
  type: string;
  code: string | null;
}

const KNOWN: Partial<Record<ApiErrorKind, OpenAiError>> = {
  rate_limit: { status: 429, type: 'requests', code: 'rate_limit_exceeded' },
  ramp_limit: { status: 503, type: 'server_error', code: 'slow_down' },
  spend_limit: { status: 400, type: 'invalid_request_error', code: 'billing_hard_limit_reached' },
  billing: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  authentication: { status: 401, type: 'invalid_request_error', code: 'invalid_api_key' },
  unknown_model: { status: 404, type: 'invalid_request_error', code: 'model_not_found' },
  not_found: { status: 404, type: 'invalid_request_error', code: null },
  conflict: { status: 409, type: 'invalid_request_error', code: null },
  too_large: { status: 400, type: 'invalid_request_error', code: 'context_length_exceeded' },
  server_error: { status: 500, type: 'server_error', code: null },
  overloaded: { status: 503, type: 'server_error', code: null },
};

export function openAiError(kind: ApiErrorKind): OpenAiError {
  const { status, type } = API_ERRORS[kind];
  return KNOWN[kind] ?? { status, type, code: null };
}

/** Routes of OpenAI's API; those of models are both APIs'. */
export function isOpenAiRoute(path: string): boolean {
  return /^\/v1\/(?:chat|files|batches)(?:\/|$)/.test(path);
}
