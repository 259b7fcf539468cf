/**
 * Leases inside activities: who holds one, how it is renewed with the heartbeats, and what a second comer is told.
 */
import { Context, type Info } from '@temporalio/activity';
import { Busy, type Store, type WorkKey } from '../artifacts/store';
import { failure, FAILURES } from '../workflows/failures';
import { withHeartbeat } from './heartbeat';

/** Longer than the longest heartbeat timeout, so that a living holder never loses its lease between two beats. */
const LEASE_SECONDS = 40;

/**
 * The holder is the activity, not the attempt: Temporal starts an attempt only when it has given up the one before, so
 * a later attempt takes its predecessor's lease over at once.
 */
export function holderOf(info: Info): { holder: string; attempt: string } {
  const run = shortRunId(info);
  return {
    holder: `${info.workflowExecution?.workflowId ?? 'none'} (run ${run}, activity ${info.activityId})`,
    attempt: `${attemptsOfRun(info)}${info.activityId}-${info.attempt}`,
  };
}

/** What the names of all attempts of the workflow's run begin with. */
export function attemptsOfRun(info: Info): string {
  return `${shortRunId(info)}-`;
}

/** The end of a run's id: its beginning is a time stamp that runs of the same minute share. */
function shortRunId({ workflowExecution }: Info): string {
  return workflowExecution?.runId.slice(-12) ?? 'none';
}

/**
 * Runs `work` under the lease. A second comer fails retryably as `Busy`, frees its slot and looks again soon. `detail` goes out with
 * heartbeats while the store is asked for the lease: an attempt that is silent would be given up, and the next one, of the same holder,
 * gets the lease while this one works.
 */
export async function withLease<T>(
  store: Store,
  key: WorkKey,
  detail: unknown,
  work: (renew: () => void) => Promise<T>,
): Promise<T> {
  const { holder } = holderOf(Context.current().info);
  let lease;
  try {
    lease = await withHeartbeat(detail, () => store.lease(key, holder, LEASE_SECONDS));
  } catch (error) {
    throw error instanceof Busy ? failure(FAILURES.Busy, error.message) : error;
  }
  const held = lease;
  let renewed = Date.now();
  try {
    return await work(() => {
      if (Date.now() - renewed < (LEASE_SECONDS * 1000) / 4) return;
      renewed = Date.now();
      // a lease that can not be renewed only risks double work, which the commit settles
      held.renew().catch(() => undefined);
    });
  } finally {
    // one that can not be given back runs out by itself; what the work came to stands
    await withHeartbeat(detail, () => held.release()).catch(() => undefined);
  }
}
