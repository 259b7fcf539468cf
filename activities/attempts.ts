/**
 * What earlier attempts at a piece of work came to, recorded in the store, and the rule that bounds them.
 *
 * Preemption, pause and host failures may happen any number of times. An attempt that died by itself without reaching
 * a new checkpoint is no progress; five of those in a row end the work with a reason instead of a retry for ever.
 */
import { z } from 'zod';
import { documentOrNull } from '../artifacts/documents';
import type { Attempt } from '../artifacts/store';
import { failure, FAILURES } from '../workflows/failures';

const ENDS = ['preempted', 'cancelled', 'died', 'oom', 'host', 'hopeless'] as const;
/** `hopeless`: no retry helps. `host`: the machine's fault. `died`, `oom`: the work's own. */
export type AttemptEnd = (typeof ENDS)[number];

export const ATTEMPTS_WITHOUT_PROGRESS = 5;

const ATTEMPT_RECORD = z.looseObject({
  end: z.enum(ENDS),
  message: z.string(),
  checkpointStep: z.number().nullable(),
});
type AttemptRecord = z.infer<typeof ATTEMPT_RECORD>;

const FILE = 'ended.json';

export async function recordAttempt(attempt: Attempt, record: AttemptRecord): Promise<void> {
  await attempt.write(FILE, JSON.stringify(record) + '\n');
}

/**
 * Ends of the earlier attempts, oldest first. An attempt without a record, or with a damaged one, lost its whole worker: a
 * host failure.
 */
export async function earlierAttempts(attempts: readonly Attempt[]): Promise<AttemptRecord[]> {
  const lost: AttemptRecord = { end: 'host', message: 'the worker was lost', checkpointStep: null };
  return Promise.all(
    attempts.map(async (attempt) => {
      const text = await attempt.read(FILE).catch(() => null);
      return documentOrNull<AttemptRecord>(text, ATTEMPT_RECORD) ?? lost;
    }),
  );
}

/** Why no further attempt should be made, or null. */
export function hopelessAfter(attempts: AttemptRecord[]): string | null {
  const own = attempts.filter(({ end }) => end === 'died' || end === 'oom');
  const last = own.slice(-ATTEMPTS_WITHOUT_PROGRESS);
  if (last.length < ATTEMPTS_WITHOUT_PROGRESS || last.some(({ checkpointStep }) => checkpointStep !== null))
    return null;
  return `${last.length} attempts in a row ended without a new checkpoint; the last: ${last.at(-1)?.message}`;
}

export async function refuseHopeless(attempts: readonly Attempt[]): Promise<void> {
  const reason = hopelessAfter(await earlierAttempts(attempts));
  if (reason !== null) throw failure(FAILURES.NoProgress, reason);
}
