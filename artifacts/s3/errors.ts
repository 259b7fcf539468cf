/** What answers of an object store mean, and what it means when there is none. */
import { StoreUnavailable } from '../store';

/** Failures on the way to the server and back: nothing of it has to be down for long. */
const WAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
]);
/** Names of errors that say: not now. Servers send some of them with a status that says something else. */
const NOT_NOW =
  /^(TimeoutError|RequestTimeout|RequestTimeTooSkewed|SlowDown|Throttl\w*|TooManyRequests\w*|QuotaExceeded|\w*StorageFull)$/;
/** Names of errors of credentials that are over, or were not found; some come with status 400, some without an answer. */
const NO_CREDENTIALS =
  /^(ExpiredToken\w*|TokenRefreshRequired|InvalidToken|CredentialsProviderError|TokenProviderError)$/;

/** What is read of errors, whoever threw them. */
interface Thrown {
  name?: string;
  message?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
  /** Where the answer could not be read: it may be a page of some proxy's. */
  $response?: { statusCode?: number };
}

function thrown(error: unknown): Thrown {
  return typeof error === 'object' && error !== null ? error : { message: String(error) };
}

function statusOf(error: unknown): number | undefined {
  const { $metadata, $response } = thrown(error);
  return $metadata?.httpStatusCode ?? $response?.statusCode;
}

/** Nothing is there under that key. */
export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && thrown(error).name?.includes('Bucket') !== true;
}

/** A condition was not met: something is there already, or is no longer what it was. */
export function isConditionFailed(error: unknown): boolean {
  return statusOf(error) === 412;
}

/** Another conditional write to the same key was under way; this one may be tried again. */
export function isConflict(error: unknown): boolean {
  return statusOf(error) === 409;
}

/** An answer began and broke off, which the SDK leaves to us; what it has asked for more than once itself is none of that. */
export function isTorn(error: unknown): boolean {
  return !('$metadata' in thrown(error)) && isOutage(error);
}

/** An answer that ended before its end. */
export function brokenOff(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}

/** The server is busy, full or not reached: the same request may be answered another time. */
function isOutage(error: unknown): boolean {
  const { name = '', code = '' } = thrown(error);
  const status = statusOf(error) ?? 0;
  const isServers = status >= 500 && status !== 501; // that is: it knows no such request, and never will
  return isServers || status === 429 || status === 409 || NOT_NOW.test(name) || WAY.has(code);
}

/** Whoever asks may not: mostly a mistake. */
class AccessRefused extends Error {
  override name = 'AccessRefused';
  /** As the system says it of a folder (artifacts/unavailable.ts). */
  readonly code = 'EACCES';
}

/** `error` of what is at `place`, as artifacts/unavailable.ts knows it: an outage, a refusal, or neither. */
export function said(place: string, error: unknown): Error {
  const message = `${place}: ${reasonOf(error)}`;
  const status = statusOf(error);
  const { name = '' } = thrown(error);
  if (isOutage(error)) return new StoreUnavailable(message, { cause: error });
  if (status === 401 || status === 403 || NO_CREDENTIALS.test(name))
    return new AccessRefused(message, { cause: error });
  return new Error(message, { cause: error });
}

/** A message for people. Errors of the SDK can hold whole requests; name, status and sentence are what one needs. */
export function reasonOf(error: unknown): string {
  const { name, message } = thrown(error);
  const status = statusOf(error);
  return [name === 'Error' ? null : name, status === undefined ? null : `(HTTP ${status})`, message]
    .filter((part) => typeof part === 'string' && part !== '')
    .join(' ');
}
