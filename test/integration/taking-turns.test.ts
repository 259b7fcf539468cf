/**
 * Who comes first when several experiments want one GPU worker: those of one priority take turns, however much work one of them
 * has, and a higher priority overtakes. On a server with the settings of `flamingo run`, started as `flamingo run` starts them.
 */
import { Worker } from '@temporalio/worker';
import { temporal } from '@temporalio/proto';
import { handOver } from '../../cli/hand-over';
import { TAKING_TURNS } from '../../cli/local/temporal-server';
import type { ExperimentOutline, ExperimentRequest } from '../../workflows/messages';
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
  environment = await WorkflowEnvironment.start(TAKING_TURNS);
});
afterAll(() => environment?.stop());

interface Wanted {
  name: string;
  configurations: number;
  priority?: number;
}

/** Experiments in the order in which the one GPU worker took their fine-tunes, once all of them were waiting. */
async function fineTuned(experiments: Wanted[]): Promise<string[]> {
  const taken: string[] = [];
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const plans = new Map<string, ExperimentOutline>();
  const work = fakeActivities([], {
    planExperiment: (request: ExperimentRequest) =>
      Promise.resolve(plans.get('yaml' in request ? request.yaml : '') as ExperimentOutline),
    finetune: async ({ configuration }) => {
      taken.push(configuration.split('-')[0] as string);
      await released;
      return { reused: false, adapterSha256: 'a', steps: 1, seconds: 1 };
    },
  });
  const { finetune, generate, measure, ...light } = work;
  const total = experiments.reduce((sum, { configurations }) => sum + configurations, 0);

  await environment.run({ ...work, ...light }, async (queue) => {
    const gpuQueue = `${queue}-gpu`;
    const gpu = await Worker.create({
      connection: environment.temporal.nativeConnection,
      taskQueue: gpuQueue,
      activities: { finetune, generate, measure },
      maxConcurrentActivityTaskExecutions: 1,
      maxConcurrentActivityTaskPolls: 1,
    });
    await gpu.runUntil(async () => {
      for (const { name, configurations, priority } of experiments) {
        const outlines = Array.from({ length: configurations }, (_, index) => configurationOutline(`${name}-${index}`));
        plans.set(name, experimentOutline(queue, outlines, { experiment: name, gpuQueue, parallel: configurations }));
        const where = { taskQueue: queue, workflowId: `${queue}/${name}`, priority };
        await handOver(environment.temporal.client, name, { yaml: name }, where);
      }
      await until('all of them wait', async () => (await waiting(gpuQueue)) >= total - 2);
      release();
      await until('all are fine-tuned', () => taken.length === total);
    });
  });
  return taken;
}

async function waiting(queue: string): Promise<number> {
  const { stats } = await environment.temporal.client.workflowService.describeTaskQueue({
    namespace: 'default',
    taskQueue: { name: queue },
    taskQueueType: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    reportStats: true,
  });
  return Number(stats?.approximateBacklogCount ?? 0);
}

test('an experiment that comes after one with fifty times its work does not wait for it', async () => {
  const order = await fineTuned([
    { name: 'large', configurations: 100 },
    { name: 'small', configurations: 2 },
  ]);
  // first is what was running, and what the server had at hand
  expect(order.lastIndexOf('small')).toBeLessThan(20);
});

test('a higher priority overtakes', async () => {
  const order = await fineTuned([
    { name: 'usual', configurations: 20 },
    { name: 'urgent', configurations: 10, priority: 1 },
  ]);
  expect(order.lastIndexOf('urgent')).toBeLessThan(15);
});
