/**
 * Two experiments on one judge queue of a real Temporal server with the settings of the embedded one: a large one that has
 * all of its shards waiting, and a small one that comes later.
 */
import { Worker } from '@temporalio/worker';
import type { WorkflowHandle } from '@temporalio/client';
import { priorityOf } from '../../cli/hand-over';
import type { experiment } from '../../workflows/experiment';
import { checkQueue } from '../../workflows/messages';
import { until } from '../support/until';
import {
  configurationOutline,
  experimentOutline,
  fakeActivities,
  WorkflowEnvironment,
  type Activities,
} from '../support/workflow-environment';

jest.setTimeout(60_000);

let environment: WorkflowEnvironment;
beforeAll(async () => {
  environment = await WorkflowEnvironment.start();
});
afterAll(() => environment?.stop());

const CELLS = { large: 30, small: 6 };
/** `fakeActivities` cuts a cell into as many. */
const SHARDS_A_CELL = 2;

test('a small experiment is judged in turns with the large one that came before it', async () => {
  const judged: string[] = [];
  let next: keyof typeof CELLS = 'large';
  const activities: Activities = fakeActivities([], {
    planExperiment: () => {
      const cells = Array.from({ length: CELLS[next] }, (_, index) => `set-${index}/default`);
      return Promise.resolve(
        experimentOutline(queue, [configurationOutline(next, cells, false)], {
          judgeQueue: `judge-${queue}`,
          judgeQueues: [`judge-${queue}`],
        }),
      );
    },
    judgeShard: ({ shard }) => {
      judged.push(shard.key.startsWith('large/') ? 'large' : 'small');
      return Promise.resolve({ judged: 4, missing: 0, usd: 0, requests: 4 });
    },
  });
  let queue = '';
  await environment.run(activities, async (taskQueue) => {
    queue = taskQueue;
    const connection = environment.temporal.nativeConnection;
    const judgeQueue = `judge-${queue}`;
    const checks = await Worker.create({ connection, taskQueue: checkQueue(judgeQueue), activities });
    const waiting = async (id: string): Promise<number> => {
      const { raw } = await environment.temporal.client.workflow.getHandle(id).describe();
      return raw.pendingActivities?.length ?? 0;
    };
    const handles: WorkflowHandle<typeof experiment>[] = [];
    const untilAllWait = async (): Promise<void> => {
      for (const name of ['large', 'small'] as const) {
        next = name;
        const handle = await environment.start(taskQueue, priorityOf(name, undefined));
        handles.push(handle);
        const all = SHARDS_A_CELL * CELLS[name];
        await until(
          `all of ${name} waits for a judge`,
          async () => (await waiting(`${handle.workflowId}/${name}`)) === all,
        );
      }
    };
    await checks.runUntil(untilAllWait());
    const judge = await Worker.create({
      connection,
      taskQueue: judgeQueue,
      activities,
      maxConcurrentActivityTaskExecutions: 1,
    });
    await judge.runUntil(Promise.all(handles.map((handle) => handle.result())));
  });
  const all = SHARDS_A_CELL * CELLS.small;
  expect(judged.filter((name) => name === 'small')).toHaveLength(all);
  const last = judged.lastIndexOf('small') + 1;
  // in turns, but for the few that a poller had taken before
  expect(last).toBeLessThanOrEqual(2 * all + 4);
});
