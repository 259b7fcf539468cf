/**
 * The account's workflow over Temporal: every update starts the workflow if it is not there.
 */
import { WithStartWorkflowOperation, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';
import type { account } from '../workflows/account';
import {
  accountWorkflowId,
  pauseAccount,
  requestShare,
  waitForAccount,
  type AccountPause,
  type PauseRequest,
} from '../workflows/account-messages';
import { ORCHESTRATION_QUEUE } from '../workflows/messages';
import type { Account } from '../judge/pacing/account-share';

export interface PausableAccount extends Account {
  /** Pauses the account, and has `workflowId` told when it goes on. */
  pause(request: PauseRequest): Promise<AccountPause>;
  /** Has `workflowId` told when the account goes on; null when it is not paused. */
  wait(workflowId: string): Promise<AccountPause | null>;
}

export function temporalAccount(name: string, client: () => Client): PausableAccount {
  /** The workflow is there most of the time, and then a plain update is cheaper. */
  async function update<Result, Input>(definition: UpdateDefinition<Result, [Input]>, input: Input): Promise<Result> {
    const { workflow } = client();
    try {
      return await workflow.getHandle(accountWorkflowId(name)).executeUpdate(definition, { args: [input] });
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      return workflow.executeUpdateWithStart(definition, {
        args: [input],
        startWorkflowOperation: startAccount(name),
      });
    }
  }
  return {
    name,
    share: (request) => update(requestShare, request),
    pause: (request) => update(pauseAccount, request),
    wait: (workflowId) => update(waitForAccount, { workflowId }),
  };
}

/** Starts the account's workflow unless it runs; to be given to an update. */
export function startAccount(name: string): WithStartWorkflowOperation<typeof account> {
  return new WithStartWorkflowOperation('account', {
    workflowId: accountWorkflowId(name),
    taskQueue: ORCHESTRATION_QUEUE,
    args: [{ account: name }],
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `the judge account ${name}: who may send how much`,
  });
}
