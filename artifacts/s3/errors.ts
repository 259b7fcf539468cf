/** What answers of an object store mean. */
import { S3ServiceException } from '@aws-sdk/client-s3';

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** Nothing is there under that key. */
export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && !(error as Error).name.includes('Bucket');
}

/** A condition was not met: something is there already, or is no longer what it was. */
export function isConditionFailed(error: unknown): boolean {
  return statusOf(error) === 412;
}

/** Another conditional write to the same key was under way; this one may be tried again. */
export function isConflict(error: unknown): boolean {
  return statusOf(error) === 409;
}

/** Whoever asks may not. */
export function isRefused(error: unknown): boolean {
  return statusOf(error) === 403 || statusOf(error) === 401;
}

/** A message for people. Errors of the SDK can hold whole requests; name, status and sentence are what one needs. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const status = statusOf(error);
  return [error.name === 'Error' ? null : error.name, status === undefined ? null : `(HTTP ${status})`, error.message]
    .filter((part) => part !== null && part !== '')
    .join(' ');
}
