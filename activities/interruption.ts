/**
 * What becomes of an activity that is told to stop: a worker that shuts down hands its work over, anything else (pause,
 * cancel, reset, timeout) ends it as cancelled.
 */
import { CancelledFailure, type Context } from '@temporalio/activity';
import { failure, FAILURES } from '../workflows/failures';

/** What to throw once the activity's cancellation signal is aborted and its work is saved. */
export async function interruption(context: Context): Promise<Error> {
  const reason = await context.cancelled.catch((error: unknown) => error as Error);
  if (!(reason instanceof CancelledFailure) || reason.message !== 'WORKER_SHUTDOWN') return reason;
  return failure(FAILURES.Preempted, 'the worker shuts down; another one goes on');
}
