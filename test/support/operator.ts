/**
 * What operators do to running workflows, and what has to follow: the command is given again at once, and the experiment
 * goes on and completes. For the integration tests, which do each deed once, and the fault tests, which do it twenty times.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { handOver } from '../../cli/hand-over';
import { cancel, type ExperimentOutcome, type ExperimentOutline } from '../../workflows/messages';
import { until } from './until';
import {
  configurationOutline,
  experimentOutline,
  fakeActivities,
  untilCancelled,
  type WorkflowEnvironment,
} from './workflow-environment';

export interface Deed {
  what: 'terminate' | 'reset' | 'cancel' | 'delete' | 'flamingo cancel';
  of: 'experiment' | 'configuration';
  /** `early`: fine-tunes run; `late`: they are done, and answers are generated. */
  when: 'early' | 'late';
}

export const DEEDS: Deed[] = (['terminate', 'reset', 'cancel', 'delete', 'flamingo cancel'] as const).flatMap((what) =>
  (['experiment', 'configuration'] as const).flatMap((of) =>
    (['early', 'late'] as const).map((when) => ({ what, of, when })),
  ),
);

/** How long a trainer takes to save when it is told to stop. */
const SAVING_MS = 1_000;

/** Returns what went wrong, in words; null when the experiment went on. */
export async function goesOnAfter(environment: WorkflowEnvironment, deed: Deed): Promise<string | null> {
  const name = `demo-${randomUUID().slice(0, 8)}`;
  let plan: ExperimentOutline;
  let held = true;
  const reached = new Set<string>();
  const hold = async (stage: Deed['when']): Promise<void> => {
    reached.add(stage);
    if (!held || stage !== deed.when) return;
    const released = until('the test lets it go on', () => !held);
    await Promise.race([released, untilCancelled(() => undefined)]).catch(async (error: unknown) => {
      await sleep(SAVING_MS);
      throw error;
    });
  };
  const activities = fakeActivities([], {
    planExperiment: () => Promise.resolve(plan),
    finetune: async () => {
      await hold('early');
      return { reused: false, adapterSha256: 'a', steps: 10, seconds: 1 };
    },
    generate: async () => {
      await hold('late');
      return { reused: 0, made: 4, seconds: 1 };
    },
  });
  return environment.run(activities, async (taskQueue) => {
    const configurations = ['em', 'flamingo'].map((each) => configurationOutline(each));
    plan = experimentOutline(taskQueue, configurations, { experiment: name });
    const run = (): Promise<unknown> =>
      handOver(environment.temporal.client, name, { yaml: `name: ${name}` }, { taskQueue });
    try {
      await run();
      await until('the work runs', () => reached.has(deed.when));
      await act(environment, deed, name);
      held = false;
      await run();
      const { status, configurations: ended } = await until(
        'the experiment ends',
        () => outcome(environment, name),
        45_000,
      );
      const states = ended.map(({ state }) => state).join(' ');
      return status === 'complete' && states === 'done done' ? null : `${words(deed)}: ${status}, ${states}`;
    } catch (error) {
      return `${words(deed)}: ${(error as Error).message}`;
    } finally {
      held = false;
    }
  });
}

function words({ what, of, when }: Deed): string {
  return `${what} of the ${of}, ${when}`;
}

async function act({ temporal }: WorkflowEnvironment, { what, of }: Deed, name: string): Promise<void> {
  const { client } = temporal;
  const workflowId = of === 'experiment' ? name : `${name}/em`;
  const handle = client.workflow.getHandle(workflowId);
  const execution = { namespace: client.options.namespace, workflowExecution: { workflowId } };
  if (what === 'terminate') await handle.terminate('an operator');
  if (what === 'cancel') await handle.cancel();
  if (what === 'delete') await client.workflowService.deleteWorkflowExecution(execution);
  if (what === 'flamingo cancel') {
    const target = of === 'experiment' ? {} : { configuration: 'em' };
    await client.workflow.getHandle(name).executeUpdate(cancel, { args: [target] });
  }
  if (what === 'reset') {
    const { events } = await handle.fetchHistory();
    const first = events?.find(({ workflowTaskCompletedEventAttributes: done }) => done != null);
    await client.workflowService.resetWorkflowExecution({
      ...execution,
      reason: 'an operator',
      workflowTaskFinishEventId: first?.eventId ?? null,
      requestId: randomUUID(),
    });
  }
}

/** What the newest run came to, or null while it is open. A run that failed, or was ended by an operator, throws. */
async function outcome({ temporal }: WorkflowEnvironment, workflowId: string): Promise<ExperimentOutcome | null> {
  const handle = temporal.client.workflow.getHandle(workflowId);
  const { status } = await handle.describe();
  return status.name === 'RUNNING' ? null : ((await handle.result()) as ExperimentOutcome);
}
