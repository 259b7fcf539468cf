import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  moveResults,
  recordedExperiment,
  recordExperiment,
  recordFailures,
  resultsFolder,
} from '../../../artifacts/experiments';
import { LocalStore } from '../../../artifacts/local/store';

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
  await recordFailures(store, 'demo', [{ name: 'em', failure: 'out of memory' }]);
  expect(await recordedExperiment(store, 'demo')).toEqual({
    ...record,
    failures: [{ name: 'em', failure: 'out of memory' }],
  });
  await recordExperiment(store, 'demo', record);
  expect(await recordedExperiment(store, 'demo')).toEqual(record);
});

test('an experiment that was never recorded gets no record by failing', async () => {
  await recordFailures(store, 'unknown', [{ name: 'em', failure: 'out of memory' }]);
  expect(await recordedExperiment(store, 'unknown')).toBeNull();
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
