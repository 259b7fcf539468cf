/**
 * The workflows on a real Temporal server, with activities under the test's control. With FLAMINGO_RECORD=1 each
 * scenario's histories are written to test/replay/histories, which the replay tests hold later code against.
 */
import { WithStartWorkflowOperation, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installationRoot } from '../../artifacts/places';
import type { experiment } from '../../workflows/experiment';
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
import {
  configurationOutline,
  experimentOutline,
  fakeActivities,
  untilCancelled,
  WorkflowEnvironment,
} from '../support/workflow-environment';
import { until } from '../support/until';

// each of these takes a second or two; one that hangs should say so soon
jest.setTimeout(60_000);

let environment: WorkflowEnvironment;
beforeAll(async () => {
  environment = await WorkflowEnvironment.start();
}, 60_000);
afterAll(() => environment?.stop());

type Handle = WorkflowHandle<typeof experiment>;

/** Start input; the plan activity of a test decides what it means. */
const REQUEST = { yaml: 'name: demo' };

async function start(taskQueue: string): Promise<Handle> {
  return environment.temporal.client.workflow.start<typeof experiment>('experiment', {
    workflowId: `demo-${randomUUID().slice(0, 8)}`,
    taskQueue,
    args: [REQUEST],
  });
}

async function record(scenario: string, handle: Handle, children: string[] = []): Promise<void> {
  if (process.env['FLAMINGO_RECORD'] !== '1') return;
  const folder = join(installationRoot(), 'test', 'replay', 'histories');
  mkdirSync(folder, { recursive: true });
  const ids = [handle.workflowId, ...children.map((name) => `${handle.workflowId}/${name}`)];
  for (const [index, id] of ids.entries()) {
    const history = await environment.temporal.client.workflow.getHandle(id).fetchHistory();
    const name = index === 0 ? scenario : `${scenario}.${children[index - 1]}`;
    // stack traces in failures name the folder they were recorded in: nobody else's business
    const text = historyToJSON(history).replaceAll(installationRoot(), '/flamingo');
    writeFileSync(join(folder, `${name}.json`), text + '\n');
  }
}

/** What `planExperiment` answers in the running test; set once the queue is known. */
let plan: ExperimentOutline;

test('finetune, generate, judge, publish, report; the judge is checked before any GPU work', async () => {
  const log: string[] = [];
  const outcome = await environment.run(
    { ...fakeActivities(log), planExperiment: () => Promise.resolve(plan) },
    async (queue) => {
      plan = experimentOutline(queue, [
        configurationOutline('base', ['ood/default'], false),
        configurationOutline('em', ['ood/default', 'in/default']),
      ]);
      const handle = await start(queue);
      const result = await handle.result();
      await record('plain', handle, ['base', 'em']);
      return result;
    },
  );
  expect(outcome).toMatchObject({ status: 'complete', usd: 3, requests: 24 });
  expect(log[0]).toBe('checkJudge ok');
  expect(log.at(-1)).toBe('buildReport base em');
  expect(log.filter((line) => line.startsWith('finetune'))).toEqual(['finetune em']);
  const em = log.filter((line) => line.includes('em/ood'));
  expect(em.slice(0, 2)).toEqual(['generate em/ood/default', 'planJudging em/ood/default']);
  expect(em.at(-1)).toBe('publishCell em/ood/default');
});

test('the next cell is generated while the one before is judged', async () => {
  const log: string[] = [];
  let release = (): void => undefined;
  const judged = new Promise<void>((resolve) => (release = resolve));
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    judgeShard: async () => {
      await judged;
      return { judged: 4, missing: 0, usd: 0, requests: 4 };
    },
    generate: ({ cell }) => {
      log.push(`generate ${cell}`);
      if (cell === 'em/in/default') release(); // only reached because the judge was not waited for
      return Promise.resolve({ reused: 0, made: 4, seconds: 1 });
    },
  });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em', ['ood/default', 'in/default'])]);
    await (await start(queue)).result();
  });
  expect(log).toContain('generate em/in/default');
});

test('one configuration fails, the others go on, the report says why', async () => {
  const log: string[] = [];
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    finetune: ({ configuration }) => {
      if (configuration === 'em')
        throw ApplicationFailure.create({ type: 'TrainingFailed', nonRetryable: true, message: 'row 3 is broken' });
      return Promise.resolve({ reused: false, adapterSha256: 'a', steps: 1, seconds: 1 });
    },
  });
  const outcome = await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em'), configurationOutline('flamingo')]);
    const handle = await start(queue);
    const result = await handle.result();
    await record('one-fails', handle, ['em', 'flamingo']);
    return result;
  });
  expect(outcome).toMatchObject({
    status: 'incomplete',
    configurations: [
      { name: 'em', state: 'failed', failure: 'row 3 is broken' },
      { name: 'flamingo', state: 'done' },
    ],
  });
  expect(log.at(-1)).toBe('buildReport em! flamingo');
});

test('when every configuration fails the workflow fails, with the outcome in its details', async () => {
  const activities = fakeActivities([], {
    planExperiment: () => Promise.resolve(plan),
    finetune: () => Promise.reject(ApplicationFailure.nonRetryable('no such model', 'TrainingFailed')),
  });
  const failure = await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    return (await start(queue)).result().catch((error: unknown) => error);
  });
  const { cause } = failure as WorkflowFailedError;
  expect(cause).toMatchObject({ type: 'ExperimentFailed', details: [{ status: 'failed' }] });
});

test('a judge that does not work stops the experiment before any GPU work', async () => {
  const log: string[] = [];
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    checkJudge: () => Promise.reject(ApplicationFailure.nonRetryable('the key is wrong', 'JudgeStopped')),
  });
  const failure = await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    return (await start(queue)).result().catch((error: unknown) => error);
  });
  expect(failure).toBeInstanceOf(WorkflowFailedError);
  expect(log).toEqual([]);
});

test('the first shard that fails stops the others of its cell; the cell is published when all have ended', async () => {
  const log: string[] = [];
  const shards = ['one', 'two', 'three', 'four', 'five', 'six'];
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    planJudging: ({ cell }) => {
      const requests = { uri: 'blobs/11/requests.jsonl', sha256: '1', bytes: 1 };
      return Promise.resolve({
        reused: 0,
        shards: shards.map((key) => ({ group: cell, key, metric: 'alignment', requests, count: 4 })),
      });
    },
    judgeShard: async ({ shard }) => {
      log.push(`judgeShard ${shard.key}`);
      if (shard.key === 'one') {
        await until('all four run', () => log.filter((line) => line.startsWith('judgeShard')).length === 4);
        throw ApplicationFailure.nonRetryable('wrong key', 'JudgeStopped');
      }
      return untilCancelled((reason) => log.push(`${shard.key} ${reason}`));
    },
  });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    await (await start(queue)).result();
  });
  expect(log.filter((line) => line.startsWith('judgeShard'))).toHaveLength(4);
  expect(log.indexOf('publishCell em/ood/default')).toBeGreaterThan(log.lastIndexOf('four CANCELLED'));
  expect(log.filter((line) => line.endsWith('CANCELLED'))).toHaveLength(3);
});

test('judging that stops is shown at its cell; what was judged is published all the same', async () => {
  const log: string[] = [];
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    judgeShard: ({ shard }) =>
      shard.metric === 'coherence'
        ? Promise.reject(ApplicationFailure.nonRetryable('spend limit', 'JudgeStopped'))
        : Promise.resolve({ judged: 4, missing: 0, usd: 0, requests: 4 }),
    publishCell: ({ cell }) => {
      log.push(`publishCell ${cell}`);
      return Promise.resolve({ completions: 4, judgements: 4, missing: 4 });
    },
  });
  const outcome = await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    const handle = await start(queue);
    const result = await handle.result();
    await record('judge-stops', handle, ['em']);
    return result;
  });
  expect(outcome).toMatchObject({ status: 'incomplete', configurations: [{ state: 'incomplete', missing: 4 }] });
  expect(outcome.configurations[0]?.failure).toContain('spend limit');
  expect(log).toContain('publishCell em/ood/default');
});

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
    const handle = await start(queue);
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
    await record('pause', handle, ['em']);
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
    const handle = await start(queue);
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
    const handle = await start(queue);
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
    const handle = await start(queue);
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
    await record('apply', handle, ['teapot']);
  });
  expect(log.filter((line) => line.endsWith('CANCELLED')).sort()).toEqual(['em CANCELLED', 'flamingo CANCELLED']);
});

test('one way in: update-with-start starts an experiment, and attaches to it', async () => {
  const activities = fakeActivities([], { planExperiment: () => Promise.resolve(plan) });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    const workflowId = `demo-${randomUUID().slice(0, 8)}`;
    const operation = () =>
      new WithStartWorkflowOperation<typeof experiment>('experiment', {
        workflowId,
        taskQueue: queue,
        args: [],
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
    const { workflow } = environment.temporal.client;
    const first = await workflow.executeUpdateWithStart(apply, {
      args: [REQUEST],
      startWorkflowOperation: operation(),
    });
    expect(first.added).toEqual(['em']);
    const handle = workflow.getHandle<typeof experiment>(workflowId);
    expect((await handle.result()).status).toBe('complete');
    await record('update-with-start', handle, ['em']);
    // closed: the same call starts it anew
    const again = await workflow.executeUpdateWithStart(apply, {
      args: [REQUEST],
      startWorkflowOperation: operation(),
    });
    expect(again.added).toEqual(['em']);
    await workflow.getHandle(workflowId).result();
  });
});

test('a request that can not be planned ends the experiment with the reason', async () => {
  const activities = fakeActivities([], {
    planExperiment: () => Promise.reject(ApplicationFailure.nonRetryable('demo.yaml:3:1: unknown key', 'InvalidInput')),
  });
  await environment.run(activities, async (queue) => {
    const { workflow } = environment.temporal.client;
    const workflowId = `demo-${randomUUID().slice(0, 8)}`;
    const startWorkflowOperation = new WithStartWorkflowOperation<typeof experiment>('experiment', {
      workflowId,
      taskQueue: queue,
      args: [],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    await expect(workflow.executeUpdateWithStart(apply, { args: [REQUEST], startWorkflowOperation })).rejects.toThrow();
    const failure = await workflow
      .getHandle(workflowId)
      .result()
      .catch((error: unknown) => error);
    expect((failure as WorkflowFailedError).cause).toMatchObject({ message: 'demo.yaml:3:1: unknown key' });
  });
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
    const handle = await start(queue);
    await untilAsync(
      'it waits',
      async () => (await handle.query(experimentProgress)).status === 'waiting for approval',
    );
    expect(log).toEqual(['checkJudge ok']);
    await handle.executeUpdate(approve, { args: [{ maxUsd: 6 }] });
    const child = environment.temporal.client.workflow.getHandle(`${handle.workflowId}/em`);
    await untilAsync('the shard waits', async () => (await child.query(configurationProgress)).waiting !== null);
    await handle.executeUpdate(approve, { args: [{ maxUsd: 20 }] });
    expect((await handle.result()).status).toBe('complete');
    await record('budget', handle, ['em']);
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
    const handle = await start(queue);
    const child = environment.temporal.client.workflow.getHandle(`${handle.workflowId}/em`);
    await untilAsync('a shard waits', async () => (await child.query(configurationProgress)).waiting !== null);
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
      const handle = await start(queue);
      await untilAsync('it waits', async () => (await handle.query(experimentProgress)).status.startsWith('waiting'));
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
    const handle = await start(queue);
    await untilAsync('two run', async () => {
      const { configurations } = await handle.query(experimentProgress);
      return configurations.filter(({ state }) => state === 'running').length === 2;
    });
    await expect(handle.executeUpdate(cancel, { args: [{ configuration: 'typo' }] })).rejects.toThrow();
    await handle.executeUpdate(cancel, { args: [{}] });
    const result = await handle.result();
    await record('cancel', handle, ['em']);
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
    const handle = await start(queue);
    await until('it trains', () => running);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    await record('workflow-cancel', handle, ['em']);
  });
  expect(log).toContain('stopped CANCELLED');
  expect(log.at(-1)).toBe('buildReport em!');
});

async function untilAsync(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await condition().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited 10 s for: ${what}`);
}
