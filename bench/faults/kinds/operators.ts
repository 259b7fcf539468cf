/** What operators may do to workflows at any moment; the run command is given again at once (command.ts). */
import { randomUUID } from 'node:crypto';
import { isGrpcServiceError, type Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { accountWorkflowId } from '../../../workflows/account-messages';
import { configurationWorkflowId, experimentWorkflowId } from '../../../workflows/messages';
import { NAME } from '../experiment';
import { AT_ONCE, NOTHING_TO_UNDO, type FaultKind } from './kind';

const EXPERIMENT = experimentWorkflowId(NAME);
const CONFIGURATIONS = ['base', 'ours', 'own'].map((name) => configurationWorkflowId(EXPERIMENT, name));
const AGAIN = 'the same `flamingo run` at once';

const terminated = (client: Client, id: string): Promise<unknown> =>
  client.workflow.getHandle(id).terminate('the fault campaign');

const ACTIONS: [
  name: string,
  does: string,
  targets: readonly string[],
  act: (c: Client, id: string) => Promise<unknown>,
][] = [
  ['experiment-terminated', 'The experiment’s workflow is terminated', [EXPERIMENT], terminated],
  ['configuration-terminated', 'A configuration’s workflow is terminated', CONFIGURATIONS, terminated],
  ['account-terminated', 'The judge account’s workflow is terminated', [accountWorkflowId('stand-in')], terminated],
  [
    'experiment-cancelled',
    'The experiment’s workflow is cancelled',
    [EXPERIMENT],
    (client, id) => client.workflow.getHandle(id).cancel(),
  ],
  ['experiment-reset', 'The experiment’s workflow is reset to its beginning', [EXPERIMENT], resetToBeginning],
];

export const OPERATOR_KINDS: FaultKind[] = ACTIONS.map(([name, does, targets, act]) => ({
  name,
  does,
  undone: name.startsWith('account') ? 'workers start it again' : AGAIN,
  targets,
  lasts: AT_ONCE,
  needs: 'nothing',
  losesRequests: true,
  begin: async ({ deployment }, { target }) =>
    deployment.withClient(async (client) => {
      try {
        await act(client, target);
      } catch (error) {
        // it has not begun, or has ended
        if (error instanceof WorkflowNotFoundError || (isGrpcServiceError(error) && Number(error.code) === 5))
          return null;
        throw error;
      }
      return NOTHING_TO_UNDO;
    }),
}));

async function resetToBeginning(client: Client, workflowId: string): Promise<void> {
  const { events = [] } = await client.workflow.getHandle(workflowId).fetchHistory();
  const first = events?.find(({ workflowTaskCompletedEventAttributes: done }) => done !== null && done !== undefined);
  if (first === undefined) throw new WorkflowNotFoundError('nothing to go back to', workflowId, undefined);
  await client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId },
    workflowTaskFinishEventId: first.eventId ?? null,
    requestId: randomUUID(),
    reason: 'the fault campaign',
  });
}
