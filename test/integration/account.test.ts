/**
 * A judge account on a real Temporal server: shares over updates, and a pause that holds every configuration that uses it.
 */
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { temporalAccount } from '../../activities/account';
import { NO_RATES } from '../../experiment/rates';
import type { account as accountWorkflow } from '../../workflows/account';
import {
  accountState,
  accountWorkflowId,
  adjustAccount,
  resumeAccount,
  type ShareRequest,
} from '../../workflows/account-messages';
import { configurationProgress, type ExperimentOutline, ORCHESTRATION_QUEUE } from '../../workflows/messages';
import { until } from '../support/until';
import {
  configurationOutline,
  experimentOutline,
  fakeActivities,
  WorkflowEnvironment,
} from '../support/workflow-environment';

jest.setTimeout(60_000);

let environment: WorkflowEnvironment;
beforeAll(async () => {
  environment = await WorkflowEnvironment.start();
});
afterAll(() => environment?.stop());

let plan: ExperimentOutline;

function wish(worker: string, change: Partial<ShareRequest> = {}): ShareRequest {
  return {
    worker,
    model: 'judge-1',
    demand: 100,
    knownLimit: null,
    neverRejected: true,
    inFlight: 0,
    promisedInFlight: 0,
    bounds: { ...NO_RATES, concurrency: 20 },
    learned: NO_RATES,
    held: null,
    ...change,
  };
}

test('workers share what the experiment file allows; a share that is given back is another one’s', async () => {
  await environment.withAccounts(async () => {
    const account = temporalAccount('shared', () => environment.temporal.client);
    expect((await account.share(wish('one'))).maxInFlight).toBe(0); // a first word only says who is there
    expect((await account.share(wish('one'))).maxInFlight).toBe(20);
    expect((await account.share(wish('two'))).maxInFlight).toBe(0);
    expect((await account.share(wish('one', { promisedInFlight: 20 }))).maxInFlight).toBe(10);
    // what the first had started before it heard of less is known with its next request
    expect((await account.share(wish('one', { inFlight: 10, promisedInFlight: 10 }))).maxInFlight).toBe(10);
    expect((await account.share(wish('two'))).maxInFlight).toBe(10);
    await account.share(wish('one', { demand: 0 }));
    expect((await account.share(wish('two'))).maxInFlight).toBe(20);
  });
});

test('goes on as a new run when its history grows long, under the hands of its workers', async () => {
  await environment.withAccounts(async () => {
    const { client } = environment.temporal;
    const account = temporalAccount('busy', () => client);
    const handle = client.workflow.getHandle(accountWorkflowId('busy'));
    await account.share(wish('one', { learned: { ...NO_RATES, requestsPerMinute: 3000 } }));
    await handle.executeUpdate(adjustAccount, { args: [{ model: 'judge-1', inputTokensPerMinute: 9 }] });
    const first = await handle.describe();
    let shares = 0;
    let run = first.runId;
    const worker = async (name: string): Promise<void> => {
      while (run === first.runId && shares < 2_000) {
        const { pause } = await account.share(wish(name, { inFlight: 5, knownLimit: 5 }));
        expect(pause).toBeNull();
        if (++shares % 20 === 0) ({ runId: run } = await handle.describe());
      }
    };
    await Promise.all(['one', 'two', 'three', 'four'].map(worker));
    expect(run).not.toBe(first.runId);
    const { models } = await handle.query(accountState);
    expect(models['judge-1']).toMatchObject({
      learned: { requestsPerMinute: 3000 },
      adjusted: { inputTokensPerMinute: 9 },
    });
    expect(Object.keys(models['judge-1']!.holders).sort()).toEqual(['four', 'one', 'three', 'two']);
    const { historyLength } = await client.workflow.getHandle(accountWorkflowId('busy'), first.runId).describe();
    expect(historyLength).toBeLessThan(2_500);
  });
});

test('ends when nobody has used it for a while, and the next lease starts it again', async () => {
  await environment.withAccounts(async () => {
    const { client } = environment.temporal;
    const workflowId = accountWorkflowId('rare');
    await client.workflow.start<typeof accountWorkflow>('account', {
      workflowId,
      taskQueue: ORCHESTRATION_QUEUE,
      args: [{ account: 'rare', idleMs: 1_000 }],
    });
    const account = temporalAccount('rare', () => client);
    await account.share(wish('one'));
    await account.share(wish('one', { demand: 0 }));
    await client.workflow.getHandle(workflowId).result();
    await account.share(wish('two'));
    expect((await account.share(wish('two'))).maxInFlight).toBe(20);
    expect((await client.workflow.getHandle(workflowId).describe()).status.name).toBe('RUNNING');
  });
});

test('a paused account holds its configurations until one command resumes it; the GPU goes on', async () => {
  const log: string[] = [];
  const account = temporalAccount('broke', () => environment.temporal.client);
  let broke = true;
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    judgeShard: async () => {
      log.push(broke ? 'refused' : 'judged');
      if (!broke) return { judged: 4, missing: 0, usd: 0, requests: 4 };
      const { workflowId } = Context.current().info.workflowExecution as { workflowId: string };
      const { number, reason } = await account.pause({ reason: 'the spend limit is reached', workflowId });
      throw ApplicationFailure.create({
        type: 'AccountPaused',
        nonRetryable: true,
        details: [{ account: account.name, number, reason }],
      });
    },
  });
  const outcome = await environment.withAccounts(() =>
    environment.run(activities, async (queue) => {
      plan = experimentOutline(queue, [configurationOutline('em')]);
      const handle = await environment.start(queue);
      const child = environment.temporal.client.workflow.getHandle(`${handle.workflowId}/em`);
      const waiting = async (): Promise<string | null> => {
        try {
          return (await child.query(configurationProgress)).waiting;
        } catch {
          return null; // not started yet
        }
      };
      await until('it waits', async () => (await waiting()) !== null);
      expect(await waiting()).toBe('waiting until `flamingo account resume broke`: the spend limit is reached');
      const asked = log.filter((line) => line === 'refused').length;
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(log.filter((line) => line === 'refused')).toHaveLength(asked);
      broke = false;
      const paused = environment.temporal.client.workflow.getHandle(accountWorkflowId('broke'));
      expect((await paused.query(accountState)).pause?.reason).toBe('the spend limit is reached');
      expect(await paused.executeUpdate(resumeAccount)).toBe(true);
      expect(await paused.executeUpdate(resumeAccount)).toBe(false);
      return handle.result();
    }),
  );
  expect(outcome.status).toBe('complete');
  expect(log.filter((line) => line === 'judged').length).toBeGreaterThan(0);
});
