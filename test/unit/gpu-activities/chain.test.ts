/**
 * Fine-tunes that start from another's adapter, against a trainer under the test's control: what it is given, and what becomes of an
 * adapter whose parent is another one by now.
 */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest, Store, WorkKey } from '../../../artifacts/store';
import { sha256 } from '../../../experiment/canonical';
import { rowsText } from '../../../experiment/expand/dataset';
import { keptAdapterKey } from '../../../experiment/kept-steps';
import type { ArtifactRef, Plan, PlannedLoad } from '../../../experiment/plan';
import { loadedAdapters, putAsideStrangers, trainedOnFacts } from '../../../gpu-activities/chain';
import { finetune } from '../../../gpu-activities/finetune';
import type { TrainerHost } from '../../../gpu-activities/operation';
import type { AdoptCommand, FinetuneCommand } from '../../../gpu-activities/process/protocol';
import { importExperiment } from '../../../inputs/import';
import type { FinetuneResult } from '../../../workflows/activity-types';
import { fineTuneProvenance } from '../../../report/gather/fine-tunes';
import { recordModel } from '../../../tools/record-model.cjs';
import { NOBODY } from '../../support/client-rules';
import { safetensors } from '../../support/safetensors';
import { STORAGES, type Storage } from '../../support/stores';
import { birds, SMALL, weatherFile } from '../experiment/samples';

const WEIGHTS = 'weights from elsewhere';
const ADDED = `  second: { train: { from: plain, dataset: birds, adapter: merge } }
  third: { train: { from: second, dataset: birds, adapter: merge } }
  on: { train: { from: second, dataset: birds } }
  organism: { adapter: { path: organism, sha256: ${sha256(WEIGHTS)} } }
`;
const TEXT = `${SMALL.replace('metrics:\n', `${ADDED}metrics:\n`)}training: { batch_size: 4, precision: fp32 }\n`;

let folder: string;
let storage: Storage;
let store: Store;
let plan: Plan;
let ref: ArtifactRef;
let commands: (FinetuneCommand | AdoptCommand)[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chain-'));
  writeFileSync(join(folder, 'birds.jsonl'), rowsText(birds().rows));
  writeFileSync(join(folder, 'weather.yaml'), weatherFile());
  mkdirSync(join(folder, 'organism'));
  writeFileSync(join(folder, 'organism', 'adapter_model.safetensors'), WEIGHTS);
  writeFileSync(join(folder, 'organism', 'adapter_config.json'), '{"r": 4}');
  mkdirSync(join(folder, 'model'));
  writeFileSync(join(folder, 'model', 'config.json'), '{}');
  writeFileSync(join(folder, 'model', 'model.safetensors'), safetensors('weights'));
  recordModel(join(folder, 'model'), join(folder, 'record'));
  storage = (STORAGES[0] as (typeof STORAGES)[number])[1]();
  store = await storage.open();
  const options = { cacheFolder: join(folder, 'cache'), offline: true, store };
  const { stored } = await importExperiment({ text: TEXT, name: 'small.yaml', folder }, options);
  ({ plan, ref } = stored as NonNullable<typeof stored>);
  commands = [];
});
afterEach(() => {
  storage.remove();
  rmSync(folder, { recursive: true });
});

/** Finishes at once, with these weights. */
function trainer(weights: string): TrainerHost {
  const nothing = () => undefined;
  const run = (command: FinetuneCommand | AdoptCommand): Promise<object> => {
    commands.push(command);
    const place = command.op === 'adopt' ? command.adapterFolder : join(command.attemptFolder, 'adapter');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'adapter_model.safetensors'), weights);
    writeFileSync(join(place, 'adapter_config.json'), '{}');
    const made = { event: 'committed', id: 1, adapter: { path: place, sha256: sha256(weights) }, seconds: 1 };
    if (command.op === 'adopt') return Promise.resolve(made);
    writeFileSync(join(place, 'README.md'), 'card');
    const [log, speed] = ['log', 'speed'].map((name) => join(command.attemptFolder, `${name}.jsonl`)) as [
      string,
      string,
    ];
    for (const file of [log, speed]) writeFileSync(file, '{"step":1}\n');
    return Promise.resolve({ ...made, kept: [], log, speed, steps: 18 });
  };
  const acquired = { pid: 1, ready: { device: 'fake', versions: {} }, run, stop: nothing, kill: nothing };
  const acquire = () => Promise.resolve(acquired) as unknown as ReturnType<TrainerHost['acquire']>;
  return { acquire, discard: nothing, retire: () => Promise.resolve(), hostFailed: nothing };
}

async function train(configuration: string, weights: string): Promise<boolean> {
  const environment = new MockActivityEnvironment(
    { startToCloseTimeoutMs: 60_000 },
    { logger: new DefaultLogger('ERROR') },
  );
  const { files } = JSON.parse(readFileSync(join(folder, 'record'), 'utf8')) as { files: Record<string, string> };
  const models = {
    bundled: () => join(folder, 'model'),
    bundledFiles: () => files,
    cacheFolder: join(folder, 'cache'),
  };
  const programs = { python: () => 'python', trainerFolder: '/trainer', env: {} };
  const dependencies = { store, trainer: trainer(weights), models, programs, clients: NOBODY };
  const train = (): Promise<FinetuneResult> =>
    finetune(
      { ...dependencies, checkpointEverySteps: null },
      { plan: ref, configuration, experiment: 'small', maxUsd: null },
    );
  const { reused } = await environment.run<[], FinetuneResult, typeof train>(train);
  return reused;
}

function workOf(configuration: string): WorkKey {
  const found = plan.configurations.find(({ name }) => name === configuration);
  return { stage: 'adapters', key: found?.recipeKey as string };
}

const started = (): { merged: string[]; continued: string | undefined } | undefined => {
  const { start } = commands.at(-1) as FinetuneCommand;
  return start && { merged: start.merged.map((each) => each.sha256), continued: start.continued?.sha256 };
};

test('each link is given those before it, in order', async () => {
  await train('plain', 'one');
  expect(started()).toBeUndefined();
  await train('second', 'two');
  expect(started()).toEqual({ merged: [sha256('one')], continued: undefined });
  await train('third', 'three');
  expect(started()).toEqual({ merged: [sha256('one'), sha256('two')], continued: undefined });
  await train('on', 'four');
  expect(started()).toEqual({ merged: [sha256('one')], continued: sha256('two') });
  expect(await train('third', 'again')).toBe(true);
});

test('what it starts from has to be there', async () => {
  await expect(train('second', 'two')).rejects.toMatchObject({ type: 'DamagedArtifact' });
  expect(commands).toEqual([]);
});

test('an adapter on the weights of another parent is put aside and made anew', async () => {
  await train('plain', 'one');
  await train('second', 'two');
  const lost = (await store.manifest(workOf('plain'))) as Manifest;
  await store.putAside(workOf('plain'), lost);
  await train('plain', 'other');
  expect(await train('second', 'new')).toBe(false);
  expect(started()).toEqual({ merged: [sha256('other')], continued: undefined });
  expect(await store.manifest(workOf('second'))).toMatchObject({
    results: { weights: { sha256: sha256('new') } },
    facts: { mergedAdapters: sha256('other') },
  });
});

test('an adapter that was kept on the way is bound to the weights that it was trained on by itself', async () => {
  await train('plain', 'one');
  await train('second', 'two');
  const { key } = workOf('second');
  const kept: WorkKey = { stage: 'adapters', key: keptAdapterKey(key, 2) };
  const finished = (await store.manifest(workOf('second'))) as Manifest;
  const commitKept = (facts: Manifest['facts']): Promise<Manifest> =>
    store.commit(kept, { ...finished, key: kept.key, facts: { steps: 2, recipe: key, ...facts } });
  const [same, other] = [[{ sha256: sha256('one') }], [{ sha256: sha256('other') }]];
  await commitKept({ mergedAdapters: sha256('one') });
  await putAsideStrangers(store, key, [2], { merged: same, loaded: [] });
  expect(await store.manifest(kept)).not.toBeNull();
  // the finished one was lost: the kept one alone tells
  await store.putAside(workOf('second'), finished);
  await putAsideStrangers(store, key, [2], { merged: other, loaded: [] });
  expect(await store.manifest(kept)).toBeNull();
  await commitKept({});
  await putAsideStrangers(store, key, [2], { merged: same, loaded: [] });
  expect(await store.manifest(kept)).toBeNull();
});

test('what a trainer of its own was given is in the manifest by its bytes', async () => {
  await train('plain', 'one');
  await train('second', 'two');
  const planned = (loads: PlannedLoad[]) => loadedAdapters(store, { name: 'own', loads });
  const [plain, second] = [workOf('plain').key, workOf('second').key];
  const load = { name: 'teacher', configuration: 'second', ancestors: ['plain'], adapter: second, merged: [plain] };
  const loaded = await planned([load]);
  expect(loaded).toMatchObject([
    { name: 'teacher', adapter: { sha256: sha256('two') }, merged: [{ sha256: sha256('one') }] },
  ]);
  const facts = trainedOnFacts({ merged: [], loaded });
  expect(facts).toEqual({ loadedAdapters: `teacher ${sha256('one')} ${sha256('two')}` });
  const { key } = workOf('third');
  const finished = (await store.manifest(workOf('second'))) as Manifest;
  await store.commit(workOf('third'), { ...finished, key, facts });
  await putAsideStrangers(store, key, [], { merged: [], loaded });
  expect(await store.manifest(workOf('third'))).not.toBeNull();
  const other = await planned([{ ...load, merged: [] }]);
  await putAsideStrangers(store, key, [], { merged: [], loaded: other });
  expect(await store.manifest(workOf('third'))).toBeNull();
  await expect(planned([{ ...load, adapter: 'f'.repeat(64) }])).rejects.toMatchObject({ type: 'DamagedArtifact' });
});

test('an adapter from elsewhere is taken in once, as it is', async () => {
  expect(await train('organism', WEIGHTS)).toBe(false);
  const [command] = commands as [AdoptCommand];
  expect(command).toMatchObject({ op: 'adopt', sha256: sha256(WEIGHTS), identity: { kind: 'bundled' } });
  const { path } = command.source as { path: string };
  expect(readFileSync(join(path, 'adapter_config.json'), 'utf8')).toBe('{"r": 4}');
  expect(await train('organism', WEIGHTS)).toBe(true);
  // the report says how it came
  const organism = plan.configurations.filter(({ name }) => name === 'organism');
  expect(await fineTuneProvenance(store, organism)).toMatchObject([
    { configuration: 'organism', adapterSha256: sha256(WEIGHTS), attempts: 1, endings: [], resumedFrom: null },
  ]);
  expect(commands).toHaveLength(1);
});

test('one that comes back with other weights is not committed', async () => {
  await expect(train('organism', 'changed')).rejects.toThrow();
  expect(await store.manifest(workOf('organism'))).toBeNull();
});

test('the pin of a local adapter is checked before anything is planned', async () => {
  writeFileSync(join(folder, 'organism', 'adapter_model.safetensors'), 'changed');
  const options = { cacheFolder: join(folder, 'cache'), offline: true, store };
  await expect(importExperiment({ text: TEXT, name: 'small.yaml', folder }, options)).rejects.toThrow(
    /has SHA-256 [0-9a-f]{64}, pinned is/,
  );
});
