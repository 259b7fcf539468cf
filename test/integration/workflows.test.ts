/**
 * The workflows on a real Temporal server, with activities under the test's control: stages, failures, ways in.
 */
import { WithStartWorkflowOperation, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { randomUUID } from 'node:crypto';
import type { experiment } from '../../workflows/experiment';
import { apply, type ExperimentOutline } from '../../workflows/messages';
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

test('finetune, generate, judge, publish, report; the judge is checked before any GPU work', async () => {
  const log: string[] = [];
  const outcome = await environment.run(
    { ...fakeActivities(log), planExperiment: () => Promise.resolve(plan) },
    async (queue) => {
      plan = experimentOutline(queue, [
        configurationOutline('base', ['ood/default'], false),
        configurationOutline('em', ['ood/default', 'in/default']),
      ]);
      const handle = await environment.start(queue);
      const result = await handle.result();
      await environment.record('plain', handle, ['base', 'em']);
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
    await (await environment.start(queue)).result();
  });
  expect(log).toContain('generate em/in/default');
});

test('what a fine-tune starts from is trained first, in order and one after the other; what is damaged is made again', async () => {
  const log: string[] = [];
  let working = 0;
  let damaged = false;
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    finetune: async ({ configuration }) => {
      log.push(`finetune ${configuration}${working > 0 ? ' beside another' : ''}`);
      working += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      working -= 1;
      if (configuration === 'third' && !damaged) {
        damaged = true;
        throw ApplicationFailure.nonRetryable('the adapter of second is gone', 'DamagedArtifact');
      }
      return { reused: false, adapterSha256: 'a', steps: 10, seconds: 1 };
    },
  });
  const outcome = await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [{ ...configurationOutline('third'), ancestors: ['plain', 'second'] }]);
    return (await environment.start(queue)).result();
  });
  expect(outcome).toMatchObject({ status: 'complete' });
  const chain = ['finetune plain', 'finetune second', 'finetune third'];
  expect(log.filter((line) => line.startsWith('finetune'))).toEqual([...chain, ...chain]);
  expect(log.indexOf('generate third/ood/default')).toBeGreaterThan(log.lastIndexOf('finetune third'));
});

test('what a program scores goes to no judge', async () => {
  const log: string[] = [];
  const plain = fakeActivities(log);
  const activities = {
    ...plain,
    planExperiment: () => Promise.resolve(plan),
    planJudging: async (input: Parameters<typeof plain.planJudging>[0]) => {
      const { shards, ...rest } = await plain.planJudging(input);
      return {
        ...rest,
        shards: shards.map((shard, index) => (index === 0 ? { ...shard, scorer: true as const } : shard)),
      };
    },
  };
  const outcome = await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em', ['ood/default'])]);
    return (await environment.start(queue)).result();
  });
  expect(outcome).toMatchObject({ status: 'complete', requests: 4 });
  expect(log.filter((line) => line.startsWith('scoreShard'))).toEqual(['scoreShard em/ood/default-alignment']);
  expect(log.filter((line) => line.startsWith('judgeShard'))).toHaveLength(1);
});

test('what is to be measured is, before generating; a measurement that fails keeps no answer from being made', async () => {
  const log: string[] = [];
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    measure: ({ configuration, condition }) => {
      log.push(`measure ${configuration} ${condition}`);
      if (configuration === 'em') throw ApplicationFailure.nonRetryable('pair 3 is too long', 'TrainingFailed');
      return Promise.resolve({ reused: false, pairs: 3, seconds: 1 });
    },
  });
  const outcome = await environment.run(activities, async (queue) => {
    const measured = (name: string) => ({ ...configurationOutline(name), measurements: ['default', 'training'] });
    plan = experimentOutline(queue, [measured('flamingo'), measured('em')]);
    const handle = await environment.start(queue);
    const result = await handle.result();
    await environment.record('measure', handle, ['flamingo', 'em']);
    return result;
  });
  expect(outcome).toMatchObject({
    status: 'incomplete',
    configurations: [
      { name: 'flamingo', state: 'done' },
      { name: 'em', state: 'failed', failure: 'pair 3 is too long', missing: 0 },
    ],
  });
  const of = (name: string) =>
    log.filter((line) => new RegExp(` ${name}\\b`).test(line) && !/^judgeShard|^build/.test(line));
  for (const name of ['flamingo', 'em']) {
    expect(of(name)).toEqual([
      `finetune ${name}`,
      `measure ${name} default`,
      `measure ${name} training`,
      `generate ${name}/ood/default`,
      `planJudging ${name}/ood/default`,
      `publishCell ${name}/ood/default`,
    ]);
  }
});

test('finished models are handed over after their answers are made; a handoff that fails leaves the rest alone', async () => {
  const log: string[] = [];
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    handOff: ({ configuration, handoff }) => {
      log.push(`handOff ${configuration} ${handoff}`);
      if (configuration === 'em' && handoff === 'suite')
        throw ApplicationFailure.nonRetryable('the result file is half a file', 'TrainingFailed');
      return Promise.resolve({ reused: false, seconds: 1 });
    },
  });
  const outcome = await environment.run(activities, async (queue) => {
    const handed = (name: string) => ({
      ...configurationOutline(name),
      handoffs: [{ name: 'suite' }, { name: 'other', queue }],
    });
    plan = experimentOutline(queue, [handed('flamingo'), handed('em')]);
    const handle = await environment.start(queue);
    const result = await handle.result();
    await environment.record('handoff', handle, ['flamingo', 'em']);
    return result;
  });
  expect(outcome).toMatchObject({
    status: 'incomplete',
    configurations: [
      { name: 'flamingo', state: 'done' },
      { name: 'em', state: 'incomplete', failure: 'handoff suite: the result file is half a file', missing: 0 },
    ],
  });
  for (const name of ['flamingo', 'em']) {
    const own = log.filter((line) => line.includes(name) && /^(finetune|generate|handOff)/.test(line));
    expect(own).toEqual([
      `finetune ${name}`,
      `generate ${name}/ood/default`,
      `handOff ${name} suite`,
      `handOff ${name} other`,
    ]);
    expect(log).toContain(`publishCell ${name}/ood/default`);
  }
});

test('a fine-tune that fails hands nothing over', async () => {
  const log: string[] = [];
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    finetune: () => Promise.reject(ApplicationFailure.nonRetryable('row 3 is empty', 'TrainingFailed')),
  });
  const outcome = await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [
      { ...configurationOutline('em'), handoffs: [{ name: 'suite' }] },
      configurationOutline('base', ['ood/default'], false),
    ]);
    return (await environment.start(queue)).result();
  });
  expect(outcome.configurations[0]).toMatchObject({ name: 'em', state: 'failed', failure: 'row 3 is empty' });
  expect(log.some((line) => line.startsWith('handOff'))).toBe(false);
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
    const handle = await environment.start(queue);
    const result = await handle.result();
    await environment.record('one-fails', handle, ['em', 'flamingo']);
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
    return (await environment.start(queue)).result().catch((error: unknown) => error);
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
    return (await environment.start(queue)).result().catch((error: unknown) => error);
  });
  expect(failure).toBeInstanceOf(WorkflowFailedError);
  expect(log).toEqual([]);
});

test('a worker that is full with a shard that goes on and on still answers the check of another experiment', async () => {
  const log: string[] = [];
  let full = (): void => undefined;
  const isFull = new Promise<void>((resolve) => (full = resolve));
  let free = (): void => undefined;
  const isFree = new Promise<void>((resolve) => (free = resolve));
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(plan),
    judgeShard: async () => {
      full();
      await isFree;
      return { judged: 4, missing: 0, usd: 0, requests: 4 };
    },
    checkJudge: () => {
      log.push('checkJudge');
      return Promise.resolve();
    },
  });
  // what plans, and what judges with room for one shard
  await environment.run(activities, (queue) =>
    environment.run(
      activities,
      async (judging) => {
        plan = experimentOutline(queue, [configurationOutline('em')], { judgeQueue: judging, judgeQueues: [judging] });
        const first = await environment.start(queue);
        await isFull;
        const second = await environment.start(queue);
        await until('the check of the second', () => log.filter((line) => line === 'checkJudge').length === 2);
        free();
        await Promise.all([first.result(), second.result()]);
      },
      { maxConcurrentActivityTaskExecutions: 1 },
    ),
  );
});

test('every queue with something to judge is checked before any GPU work; one that fails refuses the plan', async () => {
  const log: string[] = [];
  const activities = fakeActivities(log, { planExperiment: () => Promise.resolve(plan) });
  let works = true;
  const second = fakeActivities([], {
    checkJudge: () => {
      if (!works) return Promise.reject(ApplicationFailure.nonRetryable('the other key is wrong', 'JudgeStopped'));
      log.push('checkJudge second');
      return Promise.resolve();
    },
  });
  const failure = await environment.run(second, (other) =>
    environment.run(activities, async (queue) => {
      plan = experimentOutline(queue, [configurationOutline('em')], { judgeQueues: [queue, other] });
      const handle = await environment.start(queue);
      expect((await handle.result()).status).toBe('complete');
      await environment.record('two-judges', handle);
      expect(log.slice(0, 2).sort()).toEqual(['checkJudge ok', 'checkJudge second']);
      works = false;
      log.length = 0;
      return (await environment.start(queue)).result().catch((error: unknown) => error);
    }),
  );
  expect(failure).toMatchObject({ cause: { cause: { message: 'the other key is wrong' } } });
  expect(log.filter((line) => !line.startsWith('checkJudge'))).toEqual([]);
});

test('requests and dollars are what the store says was paid, not what the last attempts told', async () => {
  const cut = { uri: 'blobs/22/cut.jsonl', sha256: '2', bytes: 1 };
  const cuts: unknown[] = [];
  const base = fakeActivities([]);
  const activities = fakeActivities([], {
    planExperiment: () => Promise.resolve(plan),
    planJudging: async (input) => ({ ...(await base.planJudging(input)), cut }),
    judgeShard: ({ shard }) => {
      if (shard.metric === 'alignment') throw ApplicationFailure.nonRetryable('the model is gone', 'JudgeStopped');
      return Promise.resolve({ judged: 4, missing: 0, usd: 0.5, requests: 4 });
    },
    publishCell: (input) => {
      cuts.push(input.cut);
      return Promise.resolve({ completions: 4, judgements: 8, missing: 4, paid: { requests: 17, usd: 2.5 } });
    },
  });
  const outcome = await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em', ['ood/default', 'in/default'])]);
    return (await environment.start(queue)).result();
  });
  expect(outcome).toMatchObject({ status: 'incomplete', requests: 34, usd: 5 });
  expect(cuts).toEqual([cut, cut]);
});

test('what the first round of judging paid is counted with what the second pays for what was damaged meanwhile', async () => {
  const cuts = ['first', 'second'].map((name) => ({ uri: `blobs/22/${name}.jsonl`, sha256: name, bytes: 1 }));
  const base = fakeActivities([]);
  const published: unknown[] = [];
  let rounds = 0;
  const activities = fakeActivities([], {
    planExperiment: () => Promise.resolve(plan),
    planJudging: async (input) => ({ ...(await base.planJudging(input)), cut: cuts[rounds++] ?? null }),
    publishCell: ({ cut, earlierCuts = [] }) => {
      published.push([...earlierCuts, cut]);
      const paid = { requests: 4 * (1 + earlierCuts.length), usd: 1 + earlierCuts.length };
      return Promise.resolve({ completions: 4, judgements: 8, missing: rounds === 1 ? 4 : 0, paid });
    },
  });
  const outcome = await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    return (await environment.start(queue)).result();
  });
  expect(published).toEqual([[cuts[0]], cuts]);
  expect(outcome).toMatchObject({ status: 'complete', requests: 8, usd: 2 });
});

test('a plan with nothing to judge asks no judge worker', async () => {
  const log: string[] = [];
  const activities = fakeActivities(log, { planExperiment: () => Promise.resolve(plan) });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')], { judgeQueues: [] });
    await (await environment.start(queue)).result();
  });
  expect(log).not.toContain('checkJudge ok');
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
        shards: shards.map((key) => ({ group: cell, key, metric: 'alignment', judge: 'judge', requests, count: 4 })),
        cut: null,
      });
    },
    judgeShard: async ({ shard }) => {
      log.push(`judgeShard ${shard.key}`);
      if (shard.key === 'one') {
        await until('all six run', () => log.filter((line) => line.startsWith('judgeShard')).length === 6);
        throw ApplicationFailure.nonRetryable('wrong key', 'JudgeStopped');
      }
      return untilCancelled((reason) => log.push(`${shard.key} ${reason}`));
    },
  });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    await (await environment.start(queue)).result();
  });
  expect(log.filter((line) => line.startsWith('judgeShard'))).toHaveLength(6);
  expect(log.indexOf('publishCell em/ood/default')).toBeGreaterThan(log.lastIndexOf('six CANCELLED'));
  expect(log.filter((line) => line.endsWith('CANCELLED'))).toHaveLength(5);
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
      return Promise.resolve({ completions: 4, judgements: 4, missing: 4, paid: null });
    },
  });
  const outcome = await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')]);
    const handle = await environment.start(queue);
    const result = await handle.result();
    await environment.record('judge-stops', handle, ['em']);
    return result;
  });
  expect(outcome).toMatchObject({ status: 'incomplete', configurations: [{ state: 'incomplete', missing: 4 }] });
  expect(outcome.configurations[0]?.failure).toContain('spend limit');
  expect(log).toContain('publishCell em/ood/default');
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
    await environment.record('update-with-start', handle, ['em']);
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
