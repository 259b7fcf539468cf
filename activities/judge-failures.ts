/**
 * What Temporal is told when judging fails: what stops, what waits for a person, what waits by itself, what is a
 * cancellation. A failure that concerns the whole account (judge/errors.ts lists which) pauses it first, by an update on the
 * account's workflow (workflows/account.ts); the configuration then waits until somebody resumes it.
 */
import { ApplicationFailure, Context } from '@temporalio/activity';
import { LogUnwritable } from '../artifacts/store';
import { JournalUnwritable } from '../artifacts/journal';
import { unavailable } from '../artifacts/unavailable';
import { AccountPaused, JudgeMustWait, JudgeStopped, PAUSES_ACCOUNT, RequestFailed } from '../judge/errors';
import type { AccountPause, PausedAccount } from '../workflows/account-messages';
import { failure, FAILURES } from '../workflows/failures';
import type { PausableAccount } from './account';
import { interruption } from './interruption';

const EXPECTED = [
  ApplicationFailure,
  JudgeStopped,
  JudgeMustWait,
  RequestFailed,
  AccountPaused,
  JournalUnwritable,
  LogUnwritable,
];

/** What the provider, the store or a person has to change; any other failure is counted, so that it can not repeat for ever. */
export function isExpected(error: unknown): boolean {
  return EXPECTED.some((kind) => error instanceof kind) || unavailable(error) !== null;
}

/** Runs `work` and throws its failure as the workflows know it (workflows/failures.ts). */
export async function withJudgeFailures<T>(account: PausableAccount, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const error = asStopped(thrown);
    const context = Context.current();
    if (context.cancellationSignal.aborted) throw await interruption(context);
    const workflowId = context.info.workflowExecution?.workflowId ?? null;
    if (error instanceof JudgeStopped) {
      if (!PAUSES_ACCOUNT.has(error.kind)) throw failure(FAILURES.JudgeStopped, error.message);
      throw paused(account.name, await account.pause({ reason: error.message, workflowId }));
    }
    if (error instanceof AccountPaused) {
      const pause = workflowId === null ? error.pause : await account.wait(workflowId);
      throw pause === null ? failure(FAILURES.AccountResumed, error.message) : paused(account.name, pause);
    }
    if (error instanceof RequestFailed) throw failure(FAILURES.JudgeStopped, error.failure.message);
    if (error instanceof JudgeMustWait) {
      throw failure(FAILURES.JudgeMustWait, error.message, { afterMs: error.delayMs });
    }
    throw error;
  }
}

/** A key that is missing is met before any request, where a client is made; it concerns the account all the same. */
function asStopped(error: unknown): unknown {
  if (!(error instanceof RequestFailed) || error.failure.action !== 'stop') return error;
  const { kind, message } = error.failure;
  return PAUSES_ACCOUNT.has(kind) ? new JudgeStopped(kind, message) : error;
}

/** The workflow waits until the account is resumed; it finds these details in the failure. */
function paused(account: string, { number, reason }: AccountPause): ApplicationFailure {
  const details: PausedAccount = { account, number, reason };
  return failure(FAILURES.AccountPaused, `the judge account ${account} is paused: ${reason}`, { details: [details] });
}
