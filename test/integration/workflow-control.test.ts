/**
 * Steering running workflows on a real Temporal server: pause, resume, apply, approve, cancel.
 */
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import {
  apply,
  approve,
  cancel,
  configurationProgress,
  experimentProgress,
  pause,
  resume,
  type ExperimentOutline,
} from '../../workflows/messages';
import { until } from '../support/until';
import {
  configurationOutline,
  experimentOutline,
  fakeActivities,
  untilCancelled,
  REQUEST,
  WorkflowEnvironment,
} from '../support/workflow-environment';

// each of these takes a second or two; one that hangs should say so soon
jest.setTimeout(60_000);

let environment: WorkflowEnvironment;
beforeAll(async () => {
  environment = await WorkflowEnvironment.start();
});
afterAll(() => environment?.stop());

/** What `planExperiment` answers in the running test; set once the queue is known. */
let plan: ExperimentOutline;

test('pause lets the trainer save and end, resume starts the stage anew', async () => {
  const log: string[] = [];
  let attempts = 0;
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    finetune: async () => {
      attempts += 1;
      if (attempts === 1) await untilCancelled((reason) => log.push(`stopped ${reason}`));
      return { reused: false, adapterSha256: 'a', steps: 10, seconds: 1 };
    },
  });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    const handle = await environment.start(queue);
    await until('the fine-tune runs', () => attempts === 1);
    await handle.executeUpdate(pause, { args: [{}] });
    await until('the trainer is told', () => log.includes('stopped CANCELLED'));
    expect((await handle.query(experimentProgress)).status).toBe('paused');
    const child = environment.temporal.client.workflow.getHandle(`${handle.workflowId}/em`);
    expect((await child.query(configurationProgress)).waiting).toBe('paused');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(attempts).toBe(1);
    await handle.executeUpdate(resume, { args: [{}] });
    expect((await handle.result()).status).toBe('complete');
    await environment.record('pause', handle, ['em']);
  });
  expect(attempts).toBe(2);
});

test('a resume that comes before the stage has ended does not fail it', async () => {
  let attempts = 0;
  const activities = fakeActivities([], {
    planExperiment: () => Promise.resolve(plan),
    finetune: async () => {
      attempts += 1;
      // as slow to stop as a trainer in the middle of a step
      if (attempts === 1) await untilCancelled(() => undefined).catch((error: unknown) => slowly(error));
      return { reused: false, adapterSha256: 'a', steps: 10, seconds: 1 };
    },
  });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    const handle = await environment.start(queue);
    await until('the fine-tune runs', () => attempts === 1);
    await handle.executeUpdate(pause, { args: [{}] });
    await handle.executeUpdate(resume, { args: [{}] });
    expect((await handle.result()).status).toBe('complete');
  });
  expect(attempts).toBe(2);
});

async function slowly(error: unknown): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, 700));
  throw error;
}

test('a paused configuration that is queued is not started; the others go on', async () => {
  const log: string[] = [];
  let release = (): void => undefined;
  const first = new Promise<void>((resolve) => (release = resolve));
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    finetune: async ({ configuration }) => {
      log.push(`finetune ${configuration}`);
      if (configuration === 'em') await first;
      return { reused: false, adapterSha256: 'a', steps: 10, seconds: 1 };
    },
  });
  await environment.run(activities, async (queue) => {
    const configurations = ['em', 'flamingo', 'teapot'].map((name) => configurationOutline(name));
    plan = experimentOutline(queue, configurations, { parallel: 1 });
    const handle = await environment.start(queue);
    await until('em trains', () => log.includes('finetune em'));
    await handle.executeUpdate(pause, { args: [{ configuration: 'flamingo' }] });
    release();
    await until('teapot trains', () => log.includes('finetune teapot'));
    expect(log).not.toContain('finetune flamingo');
    await handle.executeUpdate(resume, { args: [{ configuration: 'flamingo' }] });
    expect((await handle.result()).status).toBe('complete');
  });
  expect(log).toContain('finetune flamingo');
});

test('apply on a running experiment adds, restarts and cancels by key; the same request attaches', async () => {
  const log: string[] = [];
  let finetunes = 0;
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    finetune: async ({ configuration }) => {
      finetunes += 1;
      if (finetunes <= 2) await untilCancelled((reason) => log.push(`${configuration} ${reason}`));
      return { reused: false, adapterSha256: 'a', steps: 10, seconds: 1 };
    },
  });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em'), configurationOutline('flamingo')]);
    const handle = await environment.start(queue);
    await until('both train', () => finetunes === 2);
    expect(await handle.executeUpdate(apply, { args: [REQUEST] })).toMatchObject({ unchanged: ['em', 'flamingo'] });
    plan = experimentOutline(queue, [
      configurationOutline('em', ['ood/default'], true, 'em-2'),
      configurationOutline('teapot'),
    ]);
    expect(await handle.executeUpdate(apply, { args: [REQUEST] })).toMatchObject({
      changed: ['em'],
      added: ['teapot'],
      removed: ['flamingo'],
    });
    const outcome = await handle.result();
    expect(outcome.status).toBe('complete');
    expect(outcome.configurations.map(({ name }) => name).sort()).toEqual(['em', 'teapot']);
    await environment.record('apply', handle, ['teapot']);
  });
  expect(log.filter((line) => line.endsWith('CANCELLED')).sort()).toEqual(['em CANCELLED', 'flamingo CANCELLED']);
});

test('a change that is taken back while the configuration still stops for it runs the configuration', async () => {
  let finetunes = 0;
  let save = (): void => undefined;
  const saved = new Promise<void>((resolve) => (save = resolve));
  const activities = fakeActivities([], {
    planExperiment: () => Promise.resolve(plan),
    finetune: async () => {
      finetunes += 1;
      if (finetunes === 1) {
        await untilCancelled(() => undefined).catch(async (error: unknown) => {
          await saved;
          throw error;
        });
      }
      return { reused: false, adapterSha256: 'a', steps: 10, seconds: 1 };
    },
  });
  await environment.run(activities, async (queue) => {
    const planned = (key: string): ExperimentOutline =>
      experimentOutline(queue, [configurationOutline('em', ['ood/default'], true, key)]);
    plan = planned('first');
    const handle = await environment.start(queue);
    await until('it trains', () => finetunes === 1);
    for (const key of ['second', 'first']) {
      plan = planned(key);
      expect(await handle.executeUpdate(apply, { args: [REQUEST] })).toMatchObject({ changed: ['em'] });
    }
    save();
    expect((await handle.result()).status).toBe('complete');
  });
  expect(finetunes).toBe(2);
});

test('a configuration whose light work fails again and again still answers', async () => {
  let attempts = 0;
  let works = false;
  const base = fakeActivities([]);
  const activities = fakeActivities([], {
    planExperiment: () => Promise.resolve(plan),
    planJudging: (input) => {
      attempts += 1;
      return works ? base.planJudging(input) : Promise.reject(new Error('the disk is full'));
    },
  });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    const handle = await environment.start(queue);
    // the second pause is one of two seconds, the first that is a timer
    await until('two attempts have failed', () => attempts === 2);
    const child = environment.temporal.client.workflow.getHandle(`${handle.workflowId}/em`);
    expect((await child.query(configurationProgress)).stage).toBe('judge');
    expect(attempts).toBe(2);
    works = true;
    expect((await handle.result()).status).toBe('complete');
  });
  expect(attempts).toBe(3);
});

test('the budget gate holds everything back until it is approved; a spent budget holds a shard', async () => {
  const log: string[] = [];
  const caps: (number | null)[] = [];
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    judgeShard: ({ maxUsd, shard }) => {
      caps.push(maxUsd);
      if (maxUsd !== null && maxUsd < 9)
        throw ApplicationFailure.create({ type: 'BudgetReached', nonRetryable: true, message: 'spent' });
      log.push(`judgeShard ${shard.key}`);
      return Promise.resolve({ judged: 4, missing: 0, usd: 1, requests: 4 });
    },
  });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')], {
      estimatedUsd: 5,
      budget: { maxUsd: 3, approval: false },
    });
    const handle = await environment.start(queue);
    await until('it waits', async () => (await handle.query(experimentProgress)).status === 'waiting for approval');
    expect(log).toEqual(['checkJudge ok']);
    await handle.executeUpdate(approve, { args: [{ maxUsd: 6 }] });
    const child = environment.temporal.client.workflow.getHandle(`${handle.workflowId}/em`);
    await until('the shard waits', async () => (await child.query(configurationProgress)).waiting !== null);
    await handle.executeUpdate(approve, { args: [{ maxUsd: 20 }] });
    expect((await handle.result()).status).toBe('complete');
    await environment.record('budget', handle, ['em']);
  });
  expect(caps).toContain(6);
  expect(caps).toContain(20);
});

test('a budget raised while shards run is not used up by those that still had the old one', async () => {
  let release = (): void => undefined;
  const approved = new Promise<void>((resolve) => (release = resolve));
  const activities = fakeActivities([], {
    planExperiment: () => Promise.resolve(plan),
    judgeShard: async ({ maxUsd, shard }) => {
      if (maxUsd === 20) return { judged: 4, missing: 0, usd: 1, requests: 4 };
      if (shard.metric === 'coherence') await approved;
      throw ApplicationFailure.create({ type: 'BudgetReached', nonRetryable: true, message: 'spent' });
    },
  });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')], { budget: { maxUsd: 3, approval: false } });
    const handle = await environment.start(queue);
    const child = environment.temporal.client.workflow.getHandle(`${handle.workflowId}/em`);
    await until('a shard waits', async () => (await child.query(configurationProgress)).waiting !== null);
    await handle.executeUpdate(approve, { args: [{ maxUsd: 20 }] });
    release();
    expect((await handle.result()).status).toBe('complete');
  });
});

test('cancel reaches configurations that are just being started', async () => {
  const activities = fakeActivities([], {
    planExperiment: () => Promise.resolve(plan),
    finetune: () => untilCancelled(() => undefined),
  });
  await environment.run(activities, async (queue) => {
    const many = Array.from({ length: 10 }, (_, index) => configurationOutline(`em-${index}`));
    plan = experimentOutline(queue, many, { parallel: many.length, budget: { maxUsd: null, approval: true } });
    for (const milliseconds of [5, 10, 15, 20, 25]) {
      const handle = await environment.start(queue);
      await until('it waits', async () => (await handle.query(experimentProgress)).status.startsWith('waiting'));
      // approval starts all ten, which takes the server some milliseconds: the cancellation comes in between
      const approved = handle.executeUpdate(approve, { args: [{ maxUsd: null }] });
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      await handle.executeUpdate(cancel, { args: [{}] });
      await approved;
      expect((await handle.result()).status).toBe('cancelled');
    }
  });
});

test('cancel ends one configuration, or all, and still builds the report', async () => {
  const log: string[] = [];
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    finetune: () => untilCancelled((reason) => log.push(`stopped ${reason}`)),
  });
  const outcome = await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [
      configurationOutline('em'),
      configurationOutline('flamingo'),
      configurationOutline('teapot'),
    ]);
    const handle = await environment.start(queue);
    await until('two run', async () => {
      const { configurations } = await handle.query(experimentProgress);
      return configurations.filter(({ state }) => state === 'running').length === 2;
    });
    await expect(handle.executeUpdate(cancel, { args: [{ configuration: 'typo' }] })).rejects.toThrow();
    await handle.executeUpdate(cancel, { args: [{}] });
    const result = await handle.result();
    await environment.record('cancel', handle, ['em']);
    return result;
  });
  expect(outcome.status).toBe('cancelled');
  expect(outcome.configurations.map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'cancelled']);
  expect(log.at(-1)).toBe('buildReport em! flamingo! teapot!');
});

test('a cancelled workflow (temporal workflow cancel) stops its children and reports what there is', async () => {
  const log: string[] = [];
  let running = false;
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    finetune: () => {
      running = true;
      return untilCancelled((reason) => log.push(`stopped ${reason}`));
    },
  });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    const handle = await environment.start(queue);
    await until('it trains', () => running);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    await environment.record('workflow-cancel', handle, ['em']);
  });
  expect(log).toContain('stopped CANCELLED');
  expect(log.at(-1)).toBe('buildReport em!');
});
