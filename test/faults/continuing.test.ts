/**
 * An experiment of so many configurations that it continues as a new run: while one of them is held by a person, the others
 * go on all the same.
 */
import { experimentProgress, pause, resume, type ExperimentOutline } from '../../workflows/messages';
import { until } from '../support/until';
import {
  configurationOutline,
  experimentOutline,
  fakeActivities,
  untilCancelled,
  WorkflowEnvironment,
} from '../support/workflow-environment';

jest.setTimeout(10 * 60_000);

/** Some four events each, and a run is left after 1,400. */
const MANY = 600;
const LONG = 1_400;

let environment: WorkflowEnvironment;
beforeAll(async () => {
  environment = await WorkflowEnvironment.start();
});
afterAll(() => environment?.stop());

let plan: ExperimentOutline;
let attempts = 0;
const activities = fakeActivities([], {
  planExperiment: () => Promise.resolve(plan),
  finetune: async () => {
    attempts += 1;
    if (attempts === 1) await untilCancelled(() => undefined);
    return { reused: false, adapterSha256: 'a', steps: 10, seconds: 1 };
  },
});

test('a configuration that is held keeps no other waiting; when it goes on, the experiment ends', async () => {
  await environment.run(activities, async (queue) => {
    const others = Array.from({ length: MANY }, (_, index) => configurationOutline(`em-${index}`, [], false));
    plan = experimentOutline(queue, [configurationOutline('held', []), ...others], { parallel: 8, continues: true });
    const handle = await environment.start(queue);
    await until('it trains', () => attempts === 1);
    await handle.executeUpdate(pause, { args: [{ configuration: 'held' }] });
    const ended = async (): Promise<boolean> => {
      const { configurations } = await handle.query(experimentProgress);
      return configurations.filter(({ state }) => state === 'done').length === MANY;
    };
    await until('all others have ended', ended, 2 * 60_000);
    expect((await handle.describe()).historyLength).toBeGreaterThan(LONG);
    await handle.executeUpdate(resume, { args: [{ configuration: 'held' }] });
    expect((await handle.result()).status).toBe('complete');
  });
});

test('without one it continues as a new run, and loses nothing', async () => {
  await environment.run(activities, async (queue) => {
    const all = Array.from({ length: MANY }, (_, index) => configurationOutline(`em-${index}`, [], false));
    plan = experimentOutline(queue, all, { parallel: 8, continues: true });
    const handle = await environment.start(queue);
    const { runId: first } = await handle.describe();
    const { status, configurations } = await handle.result();
    expect(status).toBe('complete');
    expect(configurations).toHaveLength(MANY);
    expect((await handle.describe()).runId).not.toBe(first);
  });
});
