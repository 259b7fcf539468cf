/**
 * Starts a configuration's workflow once its id is free.
 *
 * It is not at first when an operator has terminated, reset or deleted the experiment: the configurations of its earlier
 * run are told to stop then, and save their work before they close. One that nobody told to stop is left to finish: what
 * it makes is in the store, where the one that is started after it finds it.
 */
import {
  ChildWorkflowFailure,
  condition,
  getExternalWorkflowHandle,
  patched,
  TerminatedFailure,
  workflowInfo,
} from '@temporalio/workflow';
import { CancelledFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';

const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 60_000;

export interface StartWhenFree {
  workflowId: string;
  /** Whether the configuration is to be stopped; then the older workflow is, too, and nothing is started. */
  stopped: () => boolean;
}

/** Calls `start` until it finds the id free. Throws `CancelledFailure` when it is stopped before. */
export async function startWhenFree<T>(start: () => Promise<T>, { workflowId, stopped }: StartWhenFree): Promise<T> {
  const since = Date.now();
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError) || !patched('wait-for-older-configuration'))
        throw error;
      // a wait of hours must not fill the history, and one of seconds should not get much longer
      const pause = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, (Date.now() - since) / 4));
      if (await condition(stopped, pause)) {
        await getExternalWorkflowHandle(workflowId)
          .cancel()
          .catch(() => undefined); // it has closed meanwhile
        throw new CancelledFailure(`${workflowInfo().workflowId} stopped it while an older one was closing`);
      }
    }
  }
}

/** An operator's `temporal workflow terminate` is no failure of the work: like a cancellation, the next run goes on. */
export function wasTerminated(error: unknown): boolean {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  return cause instanceof TerminatedFailure && patched('terminated-is-cancelled');
}
