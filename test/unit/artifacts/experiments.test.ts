import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  countedReuse,
  moveResults,
  recordCounted,
  recordedExperiment,
  recordExperiment,
  recordFailures,
  resultsFolder,
  wasComplete,
} from '../../../artifacts/experiments';
import { LocalStore } from '../../../artifacts/local/store';
import type { Reuse } from '../../../artifacts/reuse';
import type { Plan } from '../../../experiment/plan';

const planOf = (experiment: string): Plan => ({ experiment }) as Plan;
const none = { new: 0, reused: 0 };
const reuse: Reuse = {
  ...{ fineTunes: none, completions: { new: 0, reused: 3 }, judgements: none, measurements: none },
  ...{ trainedAgain: [], byJudge: {}, measured: [], cells: { c: { completions: 3, judgements: 0 } } },
};

let root: string;
let store: LocalStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flamingo-store-'));
  store = await LocalStore.open(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('failures stand in the record until the next run begins', async () => {
  const record = { plan: await store.putBytes('{}', '.plan.json'), output: '/results' };
  await recordExperiment(store, 'demo', record);
  await recordFailures(store, planOf('demo'), record.plan, [{ name: 'em', failure: 'out of memory' }]);
  expect(await recordedExperiment(store, 'demo')).toEqual({
    ...record,
    failures: [{ name: 'em', failure: 'out of memory' }],
  });
  await recordExperiment(store, 'demo', record);
  expect(await recordedExperiment(store, 'demo')).toEqual(record);
});

test('an experiment that was never recorded gets no record by failing', async () => {
  const plan = await store.putBytes('{}', '.plan.json');
  await recordFailures(store, planOf('unknown'), plan, [{ name: 'em', failure: 'out of memory' }]);
  expect(await recordedExperiment(store, 'unknown')).toBeNull();
});

test('another plan that is applied while the report is recorded stays the plan of the experiment', async () => {
  const before = { plan: await store.putBytes('{"one":1}', '.plan.json'), output: '/results' };
  const applied = { plan: await store.putBytes('{"two":2}', '.plan.json'), output: '/results' };
  await recordExperiment(store, 'demo', before);
  const put = store.putBytes.bind(store);
  jest.spyOn(store, 'putBytes').mockImplementationOnce(async (...given) => {
    await recordExperiment(store, 'demo', applied);
    return put(...given);
  });
  await recordCounted(store, planOf('demo'), before.plan, reuse);
  await recordFailures(store, planOf('demo'), before.plan, [{ name: 'em', failure: 'out of memory' }]);
  expect(await recordedExperiment(store, 'demo')).toEqual(applied);
});

test('what was counted holds while nothing was missing', async () => {
  const record = { plan: await store.putBytes('{}', '.plan.json'), output: '/results' };
  await recordExperiment(store, 'demo', record);
  const counted = async (stored: Reuse | null): Promise<Reuse | null> => {
    await recordCounted(store, planOf('demo'), record.plan, stored);
    return countedReuse(store, (await recordedExperiment(store, 'demo')) as typeof record);
  };
  expect(await counted(reuse)).toEqual(reuse);
  expect(await counted({ ...reuse, judgements: { new: 1, reused: 2 } })).toBeNull();
  expect(await counted(reuse)).toEqual(reuse);
  expect(await counted(null)).toBeNull();
});

test('a plan was complete when its own report found nothing missing', async () => {
  const record = { plan: await store.putBytes('{}', '.plan.json'), output: '/results' };
  const other = await store.putBytes('{"other":1}', '.plan.json');
  const complete = (): Promise<boolean> => wasComplete(store, planOf('demo'), record.plan);
  expect(await complete()).toBe(false); // never heard of
  await recordExperiment(store, 'demo', record);
  expect(await complete()).toBe(false); // never counted
  await recordCounted(store, planOf('demo'), record.plan, reuse);
  expect(await complete()).toBe(true);
  expect(await wasComplete(store, planOf('demo'), other)).toBe(false);
  await recordCounted(store, planOf('demo'), record.plan, { ...reuse, completions: { new: 1, reused: 2 } });
  expect(await complete()).toBe(false);
  await store.writeRecord('experiments', 'demo', '{"plan":');
  expect(await complete()).toBe(false); // a record that can not be read is no reason to stop
});

test('an unfinished run writes where the latest command wants its results', async () => {
  const record = { plan: await store.putBytes('{}', '.plan.json'), output: '/results' };
  await moveResults(store, 'unheard-of', '/new');
  expect(await recordedExperiment(store, 'unheard-of')).toBeNull();
  expect(await resultsFolder(store, 'unheard-of', '/told')).toBe('/told');
  await recordExperiment(store, 'moved', { ...record, failures: [] });
  await moveResults(store, 'moved', '/new');
  expect(await recordedExperiment(store, 'moved')).toEqual({ ...record, output: '/new', failures: [] });
  expect(await resultsFolder(store, 'moved', '/told')).toBe('/new');
});
