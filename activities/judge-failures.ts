/**
 * What Temporal is told when judging fails: what stops, what waits for a person, what waits by itself, what is a
 * cancellation.
 */
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import type { AccountPause, PausedAccount } from '../workflows/account-messages';
import { AccountPaused, JudgeMustWait, JudgeStopped, PAUSES_ACCOUNT, RequestFailed } from '../judge/errors';
import type { PausableAccount } from './account';

/** What the provider or a person has to change; any other failure is counted, so that it can not repeat for ever. */
export function isExpected(error: unknown): boolean {
  return [ApplicationFailure, JudgeStopped, JudgeMustWait, RequestFailed, AccountPaused].some(
    (kind) => error instanceof kind,
  );
}

/** Runs `work` and gives its failure the type that the workflows know. */
export async function failuresOf<T>(account: PausableAccount, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const context = Context.current();
    if (context.cancellationSignal.aborted) await interrupted(context);
    const workflowId = context.info.workflowExecution?.workflowId ?? null;
    if (error instanceof JudgeStopped && PAUSES_ACCOUNT.has(error.kind)) {
      throw paused(account.name, await account.pause({ reason: error.message, workflowId }));
    }
    if (error instanceof AccountPaused) {
      const pause = workflowId === null ? error.pause : await account.wait(workflowId);
      if (pause !== null) throw paused(account.name, pause);
      throw ApplicationFailure.create({ type: 'AccountResumed', message: error.message, nextRetryDelay: '100ms' });
    }
    if (error instanceof JudgeStopped) {
      throw ApplicationFailure.create({ type: error.name, nonRetryable: true, message: error.message });
    }
    if (error instanceof RequestFailed) {
      throw ApplicationFailure.create({ type: 'JudgeStopped', nonRetryable: true, message: error.failure.message });
    }
    if (error instanceof JudgeMustWait) {
      throw ApplicationFailure.create({
        type: 'JudgeMustWait',
        message: error.message,
        category: ApplicationFailureCategory.BENIGN,
        nextRetryDelay: error.delayMs,
      });
    }
    throw error;
  }
}

/** The workflow waits until the account is resumed; it finds these details in the failure. */
function paused(account: string, { number, reason }: AccountPause): ApplicationFailure {
  const details: PausedAccount = { account, number, reason };
  return ApplicationFailure.create({
    type: 'AccountPaused',
    nonRetryable: true,
    category: ApplicationFailureCategory.BENIGN,
    message: `the judge account ${account} is paused: ${reason}`,
    details: [details],
  });
}

/** A worker that shuts down hands the shard over; anything else that cancels ends the activity as cancelled. */
async function interrupted(context: Context): Promise<never> {
  const reason = await context.cancelled.catch((error: unknown) => error);
  if (!(reason instanceof CancelledFailure) || reason.message !== 'WORKER_SHUTDOWN') throw reason;
  throw ApplicationFailure.create({
    type: 'Preempted',
    message: 'the worker shuts down; another one goes on',
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: '500ms',
  });
}
