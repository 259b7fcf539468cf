/**
 * The error policy: every way a request to the judge can fail, and what is done about it, in one table
 * (docs/judge-errors.md shows it to people); and the errors by which judging ends before its items are done.
 *
 * Decided by `error_code` first, then the error's `type`, then the HTTP status, then what kind of exception it is;
 * never by a message's words, which may change at any time. `classify` returns null for what is no failure of a
 * request at all: a bug of ours must stay loud.
 */
import type { AccountPause } from '../workflows/account-messages';
import { openAiResetMs, readRateLimits, type RateLimits } from './pacing/rate-limits';
import { certificateRemedy } from './proxy';

/** Systemic: no request of this kind can succeed until a person does something. */
export type StopKind =
  | 'spend_limit'
  | 'billing'
  | 'authentication'
  | 'permission'
  | 'unknown_model'
  | 'wrong_model'
  | 'configuration'
  | 'bad_request';
export type WaitKind = 'rate_limit' | 'ramp_limit' | 'overloaded';
export type RetryKind = 'server' | 'timeout' | 'network' | 'deadline' | 'cut_body' | 'malformed' | 'wrong_shape';
export type ItemKind = 'bad_request' | 'too_large';

/**
 * `delayMs`: what the server asks for, null when it does not say; `limits`: what its headers say of the account's limits.
 * `message` is safe to log and store.
 */
export type RequestFailure =
  | { action: 'wait'; kind: WaitKind; message: string; delayMs: number | null; limits: RateLimits | null }
  | { action: 'retry'; kind: RetryKind; message: string; delayMs: number | null; mayBePaid: boolean }
  | { action: 'stop'; kind: StopKind; message: string }
  | { action: 'item'; kind: ItemKind; message: string };

type Rule =
  | { action: 'wait'; kind: WaitKind }
  | { action: 'retry'; kind: RetryKind }
  | { action: 'stop'; kind: StopKind }
  | { action: 'item'; kind: ItemKind };

const stop = (kind: StopKind): Rule => ({ action: 'stop', kind });
const wait = (kind: WaitKind): Rule => ({ action: 'wait', kind });
const retry = (kind: RetryKind): Rule => ({ action: 'retry', kind });
const item = (kind: ItemKind): Rule => ({ action: 'item', kind });

/** The spend limits come as 429 without retry-after, and the SDK would retry them: the code must be looked at first. */
export const BY_ERROR_CODE: Readonly<Record<string, Rule>> = {
  enforced_spend_limit_reached: stop('spend_limit'),
  contract_spend_limit_reached: stop('spend_limit'),
  linked_organization_spend_limit_reached: stop('spend_limit'),
  linked_organization_billing_unavailable: stop('billing'),
  user_profile_billing_not_authorized: stop('billing'),
  user_profile_not_billable: stop('billing'),
  organization_on_hold: stop('permission'),
  cmek_key_disabled: stop('permission'),
  cmek_key_network_blocked: stop('permission'),
  ramp_limit_exceeded: wait('ramp_limit'),
  cmek_context_unavailable: retry('server'),
  cmek_key_unreachable: retry('server'),
  request_body_too_large_after_decoding: item('too_large'),
  // of OpenAI's API, in the field `code`; a quota that is used up comes as 429, too
  insufficient_quota: stop('billing'),
  billing_not_active: stop('billing'),
  billing_hard_limit_reached: stop('spend_limit'),
  account_deactivated: stop('permission'),
  invalid_api_key: stop('authentication'),
  model_not_found: stop('unknown_model'),
  rate_limit_exceeded: wait('rate_limit'),
  slow_down: wait('ramp_limit'),
  context_length_exceeded: item('too_large'),
};

/** `invalid_request_error` is left to the status: it comes with 400, 413 and 422. */
export const BY_ERROR_TYPE: Readonly<Record<string, Rule>> = {
  authentication_error: stop('authentication'),
  billing_error: stop('billing'),
  permission_error: stop('permission'),
  not_found_error: stop('unknown_model'),
  rate_limit_error: wait('rate_limit'),
  overloaded_error: wait('overloaded'),
  timeout_error: retry('timeout'),
  api_error: retry('server'),
  conflict_error: retry('server'),
};

export const BY_STATUS: Readonly<Record<number, Rule>> = {
  401: stop('authentication'),
  402: stop('billing'),
  403: stop('permission'),
  404: stop('unknown_model'),
  408: retry('timeout'),
  409: retry('server'),
  413: item('too_large'),
  429: wait('rate_limit'),
  499: retry('server'),
  504: retry('timeout'),
  529: wait('overloaded'),
};

/** A 200 that is no Message: HTML from a proxy, an error object, something else. Thrown by the client. */
export class NotAMessage extends Error {
  override name = 'NotAMessage';
  constructor(
    message: string,
    /** The body's `error` member, when it has one. */
    readonly error: { type?: unknown; message?: unknown; details?: { error_code?: unknown } } | null,
    readonly headers: Headers | null,
  ) {
    super(message);
  }
}

/** A request failed, in the table's terms. */
export class RequestFailed extends Error {
  override name = 'RequestFailed';
  constructor(readonly failure: RequestFailure) {
    super(failure.message);
  }
}

/** What an exception tells, by name and fields: an error may come from another realm, where `instanceof` fails. */
interface Thrown {
  name: string;
  message: string;
  status: number | undefined;
  type: string | undefined;
  errorCode: string | undefined;
  apiMessage: string | undefined;
  headers: Headers | undefined;
  cause: Thrown | undefined;
  code: string | undefined;
}

export interface ClassifyContext {
  /** Our own deadline ended the request. */
  deadlineMs: number | null;
  /** Removes secrets from a message. */
  redact: (text: string) => string;
  /** The address that was asked, for the message where it may be the wrong one. */
  asked?: string | undefined;
  now: number;
}

export function classify(error: unknown, context: ClassifyContext): RequestFailure | null {
  const thrown = look(error);
  if (thrown === null) return null;
  const rule = context.deadlineMs === null ? (ruleOf(thrown) ?? byKind(thrown)) : retry('deadline');
  if (rule === undefined) return null;
  const message = context.redact(
    context.deadlineMs === null
      ? describe(thrown, context.asked)
      : `no complete answer within ${context.deadlineMs} ms`,
  );
  switch (rule.action) {
    case 'wait':
      return {
        ...rule,
        message,
        delayMs: retryAfterMs(thrown.headers, context.now) ?? openAiResetMs(thrown.headers ?? new Headers()),
        limits: thrown.headers === undefined ? null : readRateLimits(thrown.headers),
      };
    case 'retry':
      // Without a status the request may have been served and billed although no answer arrived, unless it never left.
      return {
        ...rule,
        message,
        delayMs: retryAfterMs(thrown.headers, context.now),
        mayBePaid: thrown.status === undefined && !causes(thrown).some(({ code }) => code && NEVER_SENT.has(code)),
      };
    default:
      return { ...rule, message };
  }
}

/** What the table says about an error by its fields; undefined where they tell nothing. */
export function ruleOf({
  errorCode,
  type,
  status,
}: {
  errorCode?: string | undefined;
  type?: string | undefined;
  status?: number | undefined;
}): Rule | undefined {
  return own(BY_ERROR_CODE, errorCode) ?? own(BY_ERROR_TYPE, type) ?? byStatus(status);
}

const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function byStatus(status: number | undefined): Rule | undefined {
  if (status === undefined) return undefined;
  const rule = BY_STATUS[status];
  if (rule !== undefined) return rule;
  if (status >= 500) return retry('server');
  if (status >= 400) return item('bad_request');
  return retry('wrong_shape');
}

function byKind(thrown: Thrown): Rule | undefined {
  switch (thrown.name) {
    case 'NotAMessage':
      return retry('wrong_shape');
    case 'SyntaxError': // 200 with malformed JSON, raised by the body's own json()
      return retry('malformed');
    case 'APIConnectionTimeoutError':
      return retry('deadline');
    case 'APIConnectionError':
      return retry('network');
    case 'TypeError': // undici: 'terminated', 'fetch failed'; a TypeError of our own has no cause
      return thrown.cause === undefined ? undefined : retry('cut_body');
    default:
      return undefined;
  }
}

/** Milliseconds from `retry-after-ms`, else `retry-after` (seconds or an HTTP date); null when absent or unusable. */
export function retryAfterMs(headers: Headers | undefined, now: number): number | null {
  const milliseconds = Number(headers?.get('retry-after-ms') || NaN);
  if (milliseconds >= 0) return milliseconds;
  const text = headers?.get('retry-after');
  if (!text) return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : null;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

function look(error: unknown, depth = 0): Thrown | null {
  if (typeof error !== 'object' || error === null) return null;
  const fields = error as Record<string, unknown>;
  const body = fields['error'] as { type?: unknown; message?: unknown; details?: { error_code?: unknown } } | undefined;
  const inner = name(error) === 'NotAMessage' ? body : undefined;
  return {
    name: name(error),
    message: text(fields['message']) ?? '',
    status: typeof fields['status'] === 'number' ? fields['status'] : undefined,
    type: text(fields['type']) ?? text(inner?.type),
    errorCode: text(fields['errorCode']) ?? text(inner?.details?.error_code),
    apiMessage: text(fields['apiMessage']) ?? text(inner?.message),
    headers: (fields['headers'] as Headers | null | undefined) ?? undefined,
    cause: depth < 5 ? (look(fields['cause'], depth + 1) ?? undefined) : undefined,
    code: text(fields['code']),
  };
}

function causes({ cause }: Thrown): Thrown[] {
  return cause === undefined ? [] : [cause, ...causes(cause)];
}

const name = (error: object): string => text((error as { name?: unknown }).name) ?? '';
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const own = (table: Readonly<Record<string, Rule>>, name: string | undefined): Rule | undefined =>
  name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;

/** One line, without control characters, of some 300 characters: it ends up in logs, histories and reports. */
function describe(thrown: Thrown, asked: string | undefined): string {
  const where = [thrown.status, thrown.errorCode ?? thrown.type].filter((part) => part !== undefined).join(' ');
  const codes = causes(thrown).flatMap(({ code }) => code ?? []);
  const words = thrown.apiMessage ?? thrown.message.replace(/^\d{3} /, ''); // the SDK puts the status there, too
  const line = [where, words].filter((part) => part !== '').join(': ') + (codes.length ? ` (${codes.join(', ')})` : '');
  return [oneLine(line, 300), ...whatElse(thrown, codes, asked)].join('; ');
}

/** What helps a person to find the cause: the way that was taken, the address, the certificate. */
function whatElse(thrown: Thrown, codes: string[], asked: string | undefined): string[] {
  const proxy = causes(thrown).find(({ name: kind }) => kind === 'ProxyFailed')?.message;
  const remedy = codes.map(certificateRemedy).find((each) => each !== null);
  const { status, headers } = thrown;
  const wrongAddress = status === 404 && asked !== undefined;
  const redirected = status !== undefined && status >= 300 && status < 400;
  const location = headers?.get('location') ?? 'nowhere';
  return [
    ...(proxy === undefined ? [] : [oneLine(proxy, 200)]),
    ...(remedy == null ? [] : [remedy]),
    ...(wrongAddress ? [`asked was ${oneLine(asked, 200)}: does the server know this address, and the model?`] : []),
    ...(redirected
      ? [
          `a redirect to ${oneLine(location, 200)} is not followed, since the key would go there: name the right address`,
        ]
      : []),
  ];
}

function oneLine(text: string, most: number): string {
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  return clean.length > most ? `${clean.slice(0, most - 3).toWellFormed()}...` : clean;
}

/** What concerns the whole account, whoever asks: everybody waits until a person resumes it. */
export const PAUSES_ACCOUNT: ReadonlySet<StopKind> = new Set([
  'spend_limit',
  'billing',
  'authentication',
  'permission',
]);

/** What a person can do about each systemic failure; the experiment stops with this and keeps everything. */
export const REMEDY: Readonly<Record<StopKind, string>> = {
  spend_limit: 'Raise the spend limit or wait until it is reset, then resume the account.',
  billing: "Mend the account's billing, then resume the account.",
  authentication:
    "Check the judge worker's key (ANTHROPIC_API_KEY, or the variable that the judge names) and restart it, then resume the account.",
  permission: 'The account or key may not do this; ask its administrator, then resume the account.',
  unknown_model: "Check the judge's model id and address (`base_url`, or ANTHROPIC_BASE_URL), then run again.",
  wrong_model: 'Nothing that server said was kept.',
  configuration: 'Mend this, then run again.',
  bad_request: "A harmless request with the same settings is refused, too: check the judge's settings, then run again.",
};

/** No request can succeed until a person does something; the experiment stops and keeps what is finished. */
export class JudgeStopped extends Error {
  override name = 'JudgeStopped';
  constructor(
    readonly kind: StopKind,
    reason: string,
  ) {
    super(`judging stopped (${kind}): ${reason.replace(/\.$/, '')}. ${REMEDY[kind]}`);
  }
}

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

/** Nothing may be sent for the account until a person resumes it. */
export class AccountPaused extends Error {
  override name = 'AccountPaused';
  constructor(
    readonly account: string,
    readonly pause: AccountPause,
  ) {
    super(`the judge account ${account} is paused: ${pause.reason}`);
  }
}
