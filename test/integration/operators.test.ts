/**
 * Operators may do anything to the workflows, at any moment, and then `flamingo run` at once: it goes on. On a real
 * Temporal server, with activities that tests control, and the very requests that the commands send.
 */
import { apply, type ExperimentOutline } from '../../workflows/messages';
import { DEEDS, goesOnAfter } from '../support/operator';
import { until } from '../support/until';
import {
  configurationOutline,
  experimentOutline,
  fakeActivities,
  WorkflowEnvironment,
} from '../support/workflow-environment';

jest.setTimeout(120_000);

let environment: WorkflowEnvironment;
beforeAll(async () => {
  environment = await WorkflowEnvironment.start();
});
afterAll(() => environment?.stop());

test('terminate, reset, cancel and delete, of experiment and configuration, early and late, then run at once', async () => {
  const wrong: (string | null)[] = [];
  for (let first = 0; first < DEEDS.length; first += 5)
    wrong.push(...(await Promise.all(DEEDS.slice(first, first + 5).map((deed) => goesOnAfter(environment, deed)))));
  expect(wrong).toHaveLength(20);
  expect(wrong.filter((each) => each !== null)).toEqual([]);
});

test('of two requests at once none is lost: the second is planned when the first is applied', async () => {
  const log: string[] = [];
  const plans = new Map<string, ExperimentOutline>();
  let release = (): void => undefined;
  const slow = new Promise<void>((resolve) => (release = resolve));
  const activities = fakeActivities(log, {
    planExperiment: async ({ yaml = '' }) => {
      log.push(`plan ${yaml}`);
      if (yaml === 'first') await slow;
      return plans.get(yaml) as ExperimentOutline;
    },
  });
  await environment.run(activities, async (queue) => {
    const outline = (...names: string[]): ExperimentOutline =>
      experimentOutline(
        queue,
        names.map((name) => configurationOutline(name)),
        { parallel: 3 },
      );
    plans
      .set('name: demo', outline('em'))
      .set('first', outline('em', 'flamingo'))
      .set('second', outline('em', 'teapot'));
    const handle = await environment.start(queue);
    await until('the first request is being planned', () => log.includes('plan name: demo'));
    const send = (yaml: string) => handle.executeUpdate(apply, { args: [{ yaml }] });
    const first = send('first');
    await until('the first is being planned', () => log.includes('plan first'));
    const second = send('second');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(log).not.toContain('plan second');
    release();
    expect((await first).added).toEqual(['flamingo']);
    expect(await second).toMatchObject({ added: ['teapot'], removed: ['flamingo'] });
    expect((await handle.result()).status).toBe('complete');
  });
});

test('a request that asks for nothing is refused', async () => {
  let plan: ExperimentOutline;
  const activities = fakeActivities([], { planExperiment: () => Promise.resolve(plan) });
  await environment.run(activities, async (queue) => {
    plan = experimentOutline(queue, [configurationOutline('em')], { budget: { maxUsd: null, approval: true } });
    const handle = await environment.start(queue);
    await expect(handle.executeUpdate(apply, { args: [{}] })).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/expected a request with one of file, yaml and plan/) as string },
    });
    await handle.terminate();
  });
});
