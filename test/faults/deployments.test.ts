/**
 * Worker deployments: an experiment that a build has begun is ended by it, while what is new goes to the build that
 * `flamingo cluster current` names.
 */
import { randomUUID } from 'node:crypto';
import { DefaultLogger, Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { makeCurrent } from '../../cli/cluster';
import { deployment } from '../../workers/deployment';
import { temporalPath } from '../../workers/toolchain';
import { checkQueue, type ExperimentOutline } from '../../workflows/messages';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes';
import { until } from '../support/until';
import {
  bundleWorkflows,
  configurationOutline,
  experimentOutline,
  fakeActivities,
  REQUEST,
} from '../support/workflow-environment';

jest.setTimeout(120_000);

let server: TestWorkflowEnvironment;
let workflowBundle: WorkflowBundleWithSourceMap;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  server = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: temporalPath().path }, searchAttributes: SEARCH_ATTRIBUTES },
  });
  workflowBundle = await bundleWorkflows();
});
afterAll(() => server?.teardown());

test('an upgrade drains: the old build ends what it began', async () => {
  const taskQueue = `test-${randomUUID()}`;
  const plan: ExperimentOutline = experimentOutline(taskQueue, [configurationOutline('em')]);
  const tuned: string[] = [];
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const build = async (id: string): Promise<Worker[]> => {
    const activities = fakeActivities([], {
      planExperiment: () => Promise.resolve(plan),
      finetune: async () => {
        tuned.push(id);
        if (id === 'old') await held;
        return { reused: false, adapterSha256: 'a', steps: 10, seconds: 1 };
      },
    });
    const common = {
      connection: server.nativeConnection,
      activities,
      ...deployment({ FLAMINGO_DEPLOYMENT: 'pinned', FLAMINGO_BUILD_ID: id }),
    };
    return Promise.all([
      Worker.create({ ...common, taskQueue, workflowBundle }),
      Worker.create({ ...common, taskQueue: checkQueue(taskQueue) }),
    ]);
  };
  const current = (id: string): Promise<true> =>
    until(`the build ${id} can be made current`, () => makeCurrent(server.client, id).then(() => true as const));
  const start = (name: string) =>
    server.client.workflow.start('experiment', { workflowId: `${name}-${randomUUID()}`, taskQueue, args: [REQUEST] });

  const oldBuild = await build('old');
  const oldRuns = oldBuild.map((worker) => worker.run());
  await current('old');
  const first = await start('first');
  await until('the old build works', () => tuned.includes('old'));
  const newBuild = await build('new');
  const newRuns = newBuild.map((worker) => worker.run());
  await current('new');
  const second = await start('second');
  expect(await second.result()).toMatchObject({ status: 'complete' });
  expect(tuned).toEqual(['old', 'new']);
  release();
  expect(await first.result()).toMatchObject({ status: 'complete' });
  const { raw } = await first.describe();
  expect(raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId).toBe('old');
  for (const worker of [...oldBuild, ...newBuild]) worker.shutdown();
  await Promise.all([...oldRuns, ...newRuns]);
});
