/**
 * The fine-tune activity against a trainer under the test's control, each attempt on another machine: what the next
 * one finds of the one before, and what is committed. In a store that is no folder nothing but synced and kept files is left.
 */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { healedObjects } from '../../../artifacts/healing';
import { type Store, StoreUnavailable, type WorkKey } from '../../../artifacts/store';
import { sha256 } from '../../../experiment/canonical';
import { keptAdapterKey } from '../../../experiment/kept-steps';
import type { ArtifactRef, Plan } from '../../../experiment/plan';
import { finetune } from '../../../gpu-activities/finetune';
import { adapterFolder } from '../../../gpu-activities/adapter-folder';
import type { TrainerHost } from '../../../gpu-activities/operation';
import type { FinetuneCommand } from '../../../gpu-activities/process/protocol';
import { importExperiment } from '../../../inputs/import';
import { rowsText } from '../../../experiment/expand/dataset';
import { beatsWatched, changed, type WatchedBeats } from '../../support/store-calls';
import { until } from '../../support/until';
import { STORAGES, type Storage } from '../../support/stores';
import { birds, SMALL, weatherFile } from '../experiment/samples';
import { NOBODY } from '../../support/client-rules';
import { safetensors } from '../../support/safetensors';
import { recordModel } from '../../../tools/record-model.cjs';

const KEPT = 2;
const CHECKPOINT = 'checkpoints/step-000003/state.bin';
const TEXT = `${SMALL}training: { batch_size: 4, precision: fp32, evaluate_at: [${KEPT}] }\n`;

let folder: string;
let storage: Storage;
let plan: Plan;
let ref: ArtifactRef;
let work: WorkKey;

type Behaviour = (command: FinetuneCommand, say: (event: object) => void) => Promise<object>;

function trainer(behave: Behaviour): TrainerHost {
  const nothing = () => undefined;
  const run = (command: FinetuneCommand, say: (event: object) => void) => behave(command, say);
  const acquired = { pid: 1, ready: { device: 'fake', versions: {} }, run, stop: nothing, kill: nothing };
  const acquire = () => Promise.resolve(acquired) as unknown as ReturnType<TrainerHost['acquire']>;
  return { acquire, discard: nothing, retire: () => Promise.resolve(), hostFailed: nothing };
}

function writeAdapter(path: string, weights: string): { path: string; sha256: string } {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'adapter_model.safetensors'), weights);
  writeFileSync(join(path, 'adapter_config.json'), '{}');
  writeFileSync(join(path, 'README.md'), `card of ${weights}`);
  writeFileSync(join(path, 'training-log.jsonl'), '{"step":2}\n');
  return { path, sha256: sha256(weights) };
}

/** Leaves a checkpoint and a kept adapter, and is taken away. */
const preempted: Behaviour = ({ attemptFolder }, say) => {
  writeAdapter(join(attemptFolder, 'kept', 'step-000002'), 'kept');
  mkdirSync(join(attemptFolder, 'checkpoints', 'step-000003'), { recursive: true });
  writeFileSync(join(attemptFolder, CHECKPOINT), 'state');
  say({ event: 'checkpoint', id: 1, step: 3, path: '', sha256: '' });
  return Promise.resolve({ event: 'stopped', id: 1, step: 3 });
};

/** Takes over what it finds, and finishes. */
const finishing =
  (found: string[]): Behaviour =>
  ({ attemptFolder, searchFolders }) => {
    found.push(...searchFolders.filter((path) => existsSync(join(path, CHECKPOINT))));
    const kept = join(found[0] as string, 'kept', 'step-000002');
    writeFileSync(join(attemptFolder, 'log.jsonl'), '{"step":1}\n');
    writeFileSync(join(attemptFolder, 'speed.jsonl'), '{"step":1}\n');
    return Promise.resolve({
      event: 'committed',
      id: 1,
      adapter: writeAdapter(join(attemptFolder, 'adapter'), 'finished'),
      kept: [{ step: KEPT, path: kept, sha256: sha256('kept') }],
      log: join(attemptFolder, 'log.jsonl'),
      speed: join(attemptFolder, 'speed.jsonl'),
      steps: 9,
      seconds: 1,
    });
  };

const programs = { python: () => 'python', trainerFolder: '/trainer', env: {} };
let prepared: string;
beforeAll(() => {
  prepared = mkdtempSync(join(tmpdir(), 'finetune-model-'));
  mkdirSync(join(prepared, 'model'));
  writeFileSync(join(prepared, 'model', 'config.json'), '{}');
  writeFileSync(join(prepared, 'model', 'model.safetensors'), safetensors('weights'));
  recordModel(join(prepared, 'model'), join(prepared, 'record'));
});
afterAll(() => rmSync(prepared, { recursive: true }));

/** One attempt, on a machine of its own. */
async function attempt(
  behave: Behaviour,
  number: number,
  watch?: (store: Store) => Pick<WatchedBeats, 'watched' | 'beat'>,
  clients = NOBODY,
) {
  const opened = await storage.open();
  const watching = watch?.(opened);
  const store = watching?.watched ?? opened;
  const environment = new MockActivityEnvironment(
    { startToCloseTimeoutMs: 60_000, attempt: number },
    { logger: new DefaultLogger('ERROR') },
  );
  environment.on('heartbeat', () => watching?.beat());
  const { files } = JSON.parse(readFileSync(join(prepared, 'record'), 'utf8')) as { files: Record<string, string> };
  const models = {
    bundled: () => join(prepared, 'model'),
    bundledFiles: () => files,
    cacheFolder: join(prepared, 'cache'),
  };
  return environment.run(() =>
    finetune(
      { store, trainer: trainer(behave), models, programs, clients, checkpointEverySteps: null },
      { plan: ref, configuration: 'plain', experiment: 'small', maxUsd: null },
    ),
  );
}

async function text(store: Store, of: ArtifactRef | undefined): Promise<string> {
  return (await store.read(of as ArtifactRef)).toString();
}

describe.each(STORAGES)('in the %s store', (_, make) => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'finetune-'));
    writeFileSync(join(folder, 'birds.jsonl'), rowsText(birds().rows));
    writeFileSync(join(folder, 'weather.yaml'), weatherFile());
    storage = make();
    const store = await storage.open();
    const options = { cacheFolder: join(folder, 'cache'), offline: true, store };
    const { stored } = await importExperiment({ text: TEXT, name: 'small.yaml', folder }, options);
    ({ plan, ref } = stored as NonNullable<typeof stored>);
    work = { stage: 'adapters', key: plan.configurations.find(({ name }) => name === 'plain')?.recipeKey as string };
  });
  afterEach(() => {
    storage.remove();
    rmSync(folder, { recursive: true });
  });

  test('it beats all the time that the store takes to answer', async () => {
    await expect(attempt(preempted, 1)).rejects.toMatchObject({ type: 'Preempted' });
    const watches: WatchedBeats[] = [];
    const watch = (store: Store): WatchedBeats => {
      const watching = beatsWatched(store);
      watches.push(watching);
      return watching;
    };
    await expect(attempt(preempted, 2, watch)).rejects.toMatchObject({ type: 'Preempted' });
    jest.restoreAllMocks();
    expect([...(watches[0]?.asked ?? [])]).toEqual(
      expect.arrayContaining(['manifest', 'lease', 'attempts', 'checkOut']),
    );
    expect(watches[0]?.silent).toEqual([]);
  });

  test('an attempt goes on from the checkpoint of the one before, which was on another machine', async () => {
    await expect(attempt(preempted, 1)).rejects.toMatchObject({ type: 'Preempted' });
    const found: string[] = [];
    expect(await attempt(finishing(found), 2)).toMatchObject({ reused: false, steps: 9 });
    expect(found).toHaveLength(1);
    expect(await attempt(finishing([]), 3)).toMatchObject({ reused: true, adapterSha256: sha256('finished') });

    const store = await storage.open();
    const { results, provenance, committed } = (await store.manifest(work))!;
    expect(await text(store, results['weights'])).toBe('finished');
    expect(await text(store, results['log'])).toBe('{"step":1}\n');
    const attempts = await store.attempts(work);
    expect(attempts.map(({ name }) => name)).toContain(committed.attempt);
    expect(JSON.parse(await text(store, provenance['attempt']))).toMatchObject({
      attempt: committed.attempt,
      attempts: 2,
      endings: [{ end: 'preempted', checkpointStep: 3 }],
    });
  });

  test('an adapter that the store can not take at present is not given up', async () => {
    await expect(attempt(preempted, 1)).rejects.toMatchObject({ type: 'Preempted' });
    let refused = 0;
    const full = (store: Store) => ({
      watched: changed(store, {
        commit: (...given: Parameters<Store['commit']>) =>
          refused++ === 0 ? Promise.reject(new StoreUnavailable('full')) : store.commit(...given),
      }),
      beat: () => undefined,
    });
    let runs = 0;
    const counted: Behaviour = (command, say) => {
      runs += 1;
      return finishing([])(command, say);
    };
    expect(await attempt(counted, 2, full)).toMatchObject({ reused: false, adapterSha256: sha256('finished') });
    expect([refused, runs]).toEqual([3, 1]); // the kept adapter twice, then the finished one
  });

  test('a checkpoint is safe soon after it is whole, and not only with the next heartbeat', async () => {
    const found = async (): Promise<boolean> => {
      const [first] = await (await storage.open()).attempts(work);
      return first !== undefined && existsSync(join((await first.workspace()).path, CHECKPOINT));
    };
    const watched: Behaviour = async (command, say) => {
      const end = await preempted(command, say);
      await until('the checkpoint on another machine', found, 1_500);
      return end;
    };
    await expect(attempt(watched, 1)).rejects.toMatchObject({ type: 'Preempted' });
  });

  test('an adapter that an earlier attempt kept is committed, and handed out on any machine', async () => {
    await expect(attempt(preempted, 1)).rejects.toMatchObject({ type: 'Preempted' });
    await attempt(finishing([]), 2);
    const store = await storage.open();
    for (const [key, weights] of [
      [work.key, 'finished'],
      [keptAdapterKey(work.key, KEPT), 'kept'],
    ] as const) {
      const adapter = await adapterFolder(store, { id: 'plain' }, key);
      expect(adapter?.sha256).toBe(sha256(weights));
      expect(readFileSync(join(adapter!.path, 'adapter_model.safetensors'), 'utf8')).toBe(weights);
      expect(await readFile(join(adapter!.path, 'adapter_config.json'), 'utf8')).toBe('{}');
    }
  });

  test('its card is stored as a copy: what people write into README.md costs no adapter', async () => {
    const found: string[] = [];
    await expect(attempt(preempted, 1)).rejects.toMatchObject({ type: 'Preempted' });
    await attempt(finishing(found), 2);
    const store = await storage.open();
    const { results } = (await store.manifest(work))!;
    expect(await text(store, results['card'])).toBe('card of finished');
    const { path } = (await adapterFolder(store, { id: 'plain' }, work.key))!;
    const kept = (await store.manifest({ stage: 'adapters', key: keptAdapterKey(work.key, KEPT) }))!;
    expect(await text(store, kept.results['card'])).toBe('card of kept');
    for (const at of [path, join(found[0] as string, 'kept', 'step-000002')])
      writeFileSync(join(at, 'README.md'), 'ours now');
    expect(await attempt(finishing([]), 3)).toMatchObject({ reused: true });
    expect(await text(store, (await store.manifest(work))!.results['card'])).toBe('card of finished');
  });

  test('an adapter whose configuration was changed is not handed out, and is trained again where it is needed', async () => {
    await expect(attempt(preempted, 1)).rejects.toMatchObject({ type: 'Preempted' });
    await attempt(finishing([]), 2);
    const store = await storage.open();
    const { config } = (await store.manifest(work))!.results as { config: ArtifactRef };
    expect(await adapterFolder(store, { id: 'plain' }, work.key)).toMatchObject({ configSha256: config.sha256 });
    await storage.tamper(config);
    await expect(adapterFolder(store, { id: 'plain' }, work.key)).rejects.toMatchObject({ type: 'DamagedArtifact' });
    expect(await store.manifest(work)).toBeNull();
    expect(await attempt(finishing([]), 3)).toMatchObject({ reused: false });
    await storage.tamper((await store.manifest(work))!.results['weights']!);
    expect(await attempt(finishing([]), 4)).toMatchObject({ reused: false });
    expect(await attempt(finishing([]), 5)).toMatchObject({ reused: true });
    expect((await healedObjects(store)).filter(({ key }) => key === work.key)).toHaveLength(2);
  });

  test('a local judge that is not what it was planned with ends it before anything is trained', async () => {
    const judge = join(folder, 'judge');
    mkdirSync(judge);
    writeFileSync(join(judge, 'config.json'), '{}');
    writeFileSync(join(judge, 'model.safetensors'), safetensors('judge'));
    const options = { cacheFolder: join(folder, 'cache'), offline: true, store: await storage.open() };
    const judged = `${TEXT}judge: { kind: local, path: ./judge }\n`;
    const { stored } = await importExperiment({ text: judged, name: 'small.yaml', folder }, options);
    ({ ref } = stored as NonNullable<typeof stored>);
    const clients = { ...NOBODY, allowed: new Set(['files'] as const) };
    await expect(attempt(preempted, 1, undefined, clients)).rejects.toMatchObject({ type: 'Preempted' });
    writeFileSync(join(judge, 'model.safetensors'), safetensors('another'));
    const never: Behaviour = () => Promise.reject(new Error('it was trained'));
    await expect(attempt(never, 2, undefined, clients)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining(judge) as string,
    });
  });

  test('the rows are handed out as a file', async () => {
    let rows = '';
    const reading: Behaviour = (command, say) => {
      rows = readFileSync(command.rows, 'utf8');
      return preempted(command, say);
    };
    await expect(attempt(reading, 1)).rejects.toMatchObject({ type: 'Preempted' });
    expect(rows.trimEnd().split('\n').length).toBeGreaterThan(10);
  });
});
