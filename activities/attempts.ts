/**
 * What earlier attempts at a piece of work came to, recorded in the store, and the rule that bounds them.
 *
 * Preemption, pause and host failures may happen any number of times. An attempt that died by itself without reaching
 * a new checkpoint is no progress; five of those in a row end the work with a reason instead of a retry for ever.
 */
import type { Attempt } from '../artifacts/store';
import { failure, FAILURES } from '../workflows/failures';

/** `hopeless`: no retry helps. `host`: the machine's fault. `died`, `oom`: the work's own. */
export type AttemptEnd = 'preempted' | 'cancelled' | 'died' | 'oom' | 'host' | 'hopeless';

export const ATTEMPTS_WITHOUT_PROGRESS = 5;

interface AttemptRecord {
  end: AttemptEnd;
  message: string;
  checkpointStep: number | null;
}

const FILE = 'ended.json';

export async function recordAttempt(attempt: Attempt, record: AttemptRecord): Promise<void> {
  await attempt.write(FILE, JSON.stringify(record) + '\n');
}

/** Ends of the earlier attempts, oldest first. An attempt without a record lost its whole worker: a host failure. */
export async function earlierAttempts(attempts: readonly Attempt[]): Promise<AttemptRecord[]> {
  return Promise.all(
    attempts.map(async (attempt) => {
      const lost: AttemptRecord = { end: 'host', message: 'the worker was lost', checkpointStep: null };
      try {
        const text = await attempt.read(FILE);
        return text === null ? lost : (JSON.parse(text) as AttemptRecord);
      } catch {
        return lost;
      }
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
