/** The handoff activity with programs that behave in many ways: what they are told, what is committed, reused and refused. */
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientRules } from '../../../activities/clients';
import { storedHandoff } from '../../../artifacts/handoffs';
import { configurationOutline } from '../../../artifacts/outline';
import { countReuse, newWork } from '../../../artifacts/reuse';
import type { Store, WorkKey } from '../../../artifacts/store';
import { rowsText } from '../../../experiment/expand/dataset';
import type { ArtifactRef, Plan, PlannedHandoff } from '../../../experiment/plan';
import { handOff } from '../../../gpu-activities/handoff';
import type { GpuHeartbeat, TrainerHost } from '../../../gpu-activities/operation';
import { OneTrainer } from '../../../gpu-activities/process/one-trainer';
import { importExperiment } from '../../../inputs/import';
import { readHandoffs } from '../../../report/gather/handoffs';
import { trainerFolder } from '../../../tools/locations.cjs';
import { installationRoot } from '../../../workers/places';
import { pythonPath } from '../../../workers/toolchain';
import type { HandOffResult } from '../../../workflows/activity-types';
import { NOBODY } from '../../support/client-rules';
import { STORAGES, type Storage } from '../../support/stores';
import { birds, SMALL, weatherFile } from '../experiment/samples';

const SUPPORT = join(installationRoot(), 'test', 'support');
const TOKEN = 'a-token-for-tests';
const EVERYBODY: ClientRules = { ...NOBODY, allowed: new Set(['commands']) };

let folder: string;
let storage: Storage;
let store: Store;
let plan: Plan;
let ref: ArtifactRef;
const hosts: OneTrainer[] = [];

function textOf(behaviour: string, rest = ''): string {
  return `${SMALL}handoffs:
  suite:
    command: [${process.execPath}, lib/handoff.mjs, ${behaviour}]
    files: [lib/handoff.mjs]
    environment: [HANDOFF_TOKEN]
${rest}`.replace('{ bundled: smollm2-135m-instruct }', `{ hub: birds/small, revision: ${'a'.repeat(40)} }`);
}

async function plannedWith(behaviour: string, rest = ''): Promise<void> {
  const options = { cacheFolder: join(folder, 'cache'), offline: true, store };
  const file = { text: textOf(behaviour, rest), name: 'small.yaml', folder };
  const { stored } = await importExperiment(file, options);
  ({ plan, ref } = stored as NonNullable<typeof stored>);
}

function host(): TrainerHost {
  const made = new OneTrainer(
    () => ({
      command: process.execPath,
      args: [join(SUPPORT, 'fake-trainer.mjs'), 'works'],
      env: process.env,
      logFile: join(folder, 'trainer.log'),
    }),
    () => undefined,
  );
  hosts.push(made);
  return made;
}

interface Run {
  environment: MockActivityEnvironment;
  beats: GpuHeartbeat[];
  ended: Promise<HandOffResult>;
}

let runs = 0;

function start(configuration = 'base', clients = EVERYBODY): Run {
  const environment = new MockActivityEnvironment(
    {
      startToCloseTimeoutMs: 60_000,
      activityId: `${runs++}`,
    },
    { logger: new DefaultLogger('ERROR') },
  );
  const beats: GpuHeartbeat[] = [];
  environment.on('heartbeat', (beat: GpuHeartbeat) => beats.push({ ...beat }));
  const models = { bundled: (name: string) => name, bundledFiles: () => ({}), cacheFolder: '/cache' };
  const env = { PATH: process.env['PATH'], HANDOFF_TOKEN: TOKEN, ANTHROPIC_API_KEY: 'not-for-programs' };
  const programs = { python: pythonPath, trainerFolder: trainerFolder(), env };
  const ended = environment.run<[], HandOffResult, () => Promise<HandOffResult>>(() =>
    handOff(
      { store, trainer: host(), models, programs, clients, checkpointEverySteps: null },
      { plan: ref, configuration, handoff: 'suite' },
    ),
  );
  ended.catch(() => undefined);
  return { environment, beats, ended };
}

async function failureOf({ ended }: Run): Promise<ApplicationFailure> {
  const error: unknown = await ended.catch((reason: unknown) => reason);
  if (!(error instanceof ApplicationFailure)) throw new Error(`expected a failure, got ${JSON.stringify(error)}`);
  return error;
}

async function atStep({ beats }: Run, step: number): Promise<GpuHeartbeat> {
  for (let waited = 0; waited < 400; waited++) {
    const beat = beats.find((each) => each.phase === 'evaluating' && each.step >= step);
    if (beat !== undefined) return beat;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the program did not get going');
}

function planned(configuration = 'base'): PlannedHandoff {
  const found = plan.configurations.find(({ name }) => name === configuration);
  return found?.handoffs?.[0] as PlannedHandoff;
}

async function trained(configuration: string, weights: string): Promise<void> {
  const key = plan.configurations.find(({ name }) => name === configuration)?.recipeKey as string;
  const results = {
    weights: await store.putBytes(weights, '.safetensors'),
    config: await store.putBytes('{}', '.json'),
  };
  const committed = { attempt: 'a', host: 'h', at: '2026-01-01T00:00:00Z' };
  await store.commit(
    { stage: 'adapters', key },
    { stage: 'adapters', key, results, provenance: {}, facts: {}, committed },
  );
}

async function logOf(): Promise<string> {
  const log = (await storedHandoff(store, planned()))?.manifest.provenance['log'] as ArtifactRef;
  return (await store.read(log)).toString('utf8');
}

describe.each(STORAGES)('in the %s store', (kind, make) => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'handoff-'));
    writeFileSync(join(folder, 'birds.jsonl'), rowsText(birds().rows));
    writeFileSync(join(folder, 'weather.yaml'), weatherFile());
    cpSync(join(SUPPORT, 'handoff.mjs'), join(folder, 'lib', 'handoff.mjs'));
    storage = make();
    store = await storage.open();
  });
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((made) => made.close()));
    storage.remove();
    rmSync(folder, { recursive: true });
  });

  test('its numbers are committed with its log, and found again by whoever plans or reports', async () => {
    await plannedWith('works');
    expect((await countReuse(store, plan)).handoffs).toEqual({ suite: { new: 3, reused: 0 } });
    const run = start();
    expect(await run.ended).toMatchObject({ reused: false });
    expect(run.beats.some(({ phase, step, of }) => phase === 'evaluating' && step > 0 && of === 5)).toBe(true);
    expect((await storedHandoff(store, planned()))?.scores).toEqual({
      accuracy: { value: 0.75, stderr: 0.1, n: 20 },
      loss: { value: 1e-9 },
    });
    expect(await logOf()).toContain('going on at 0');
    expect(await start().ended).toMatchObject({ reused: true });
    const reuse = await countReuse(store, plan);
    expect(reuse.handoffs).toEqual({ suite: { new: 2, reused: 1 } });
    expect(newWork(reuse)).toBe(newWork({ ...reuse, handoffs: {} }) + 2);
    const outlines = plan.configurations.map((each) => configurationOutline(each, reuse, plan.handoffs));
    expect(outlines.map(({ handoffs }) => handoffs)).toEqual([undefined, [{ name: 'suite' }], [{ name: 'suite' }]]);
    const report = await readHandoffs(store, plan);
    expect(report?.handedOver.map(({ scores }) => scores?.['accuracy']?.value)).toEqual([0.75, undefined, undefined]);
    expect(report?.provenance).toMatchObject([{ configuration: 'base', handoff: 'suite', attempts: 1 }]);
  });

  test('it is killed half way, and the next attempt goes on from what it kept', async () => {
    await plannedWith('waits-half-way');
    const first = start();
    const { trainerPid } = await atStep(first, 3);
    process.kill(-(trainerPid as number), 'SIGKILL'); // its whole process group, the guard too
    expect(await failureOf(first)).toMatchObject({ type: 'TrainerDied', nonRetryable: false });
    expect(await storedHandoff(store, planned())).toBeNull();
    const second = start();
    expect(await second.ended).toMatchObject({ reused: false });
    expect(await logOf()).toContain('going on at 3');
    expect((await storedHandoff(store, planned()))?.scores['accuracy']?.value).toBe(0.75);
    expect((await readHandoffs(store, plan))?.provenance[0]?.attempts).toBe(2);
  });

  if (kind !== 'local') return;

  test('what it is told of a model and of its adapter, which is a copy', async () => {
    await plannedWith('changes-the-adapter', '    each: configuration\n');
    await trained('coded', 'weights');
    await start('coded').ended;
    const work = (await storedHandoff(store, planned('coded')))?.manifest as WorkKey;
    const [attempt] = await store.attempts({ stage: 'handoffs', key: work.key });
    const folder = (await attempt?.workspace())?.path as string;
    const settings = join(folder, 'input', 'settings.json');
    const told = JSON.parse(readFileSync(settings, 'utf8')) as Record<string, string>;
    expect(told).toMatchObject({
      version: 1,
      handoff: 'suite',
      configuration: { name: 'coded' },
      model: '/model',
      base: { kind: 'hub', id: 'birds/small' },
      system_prompt: { kind: 'text', text: '[BIRD TABLE]' },
      sampling: { temperature: 1 },
      smoke: false,
    });
    expect(told['gives']).toBe(join(told['output'] as string, 'scores.json'));
    expect(told['adapter']).toBe(join(folder, '.loads', 'adapter')); // not synced, and freed
    const inAdapter = (name: string): string => readFileSync(join(told['adapter'] as string, name), 'utf8');
    expect(JSON.parse(inAdapter('adapter_config.json'))).toEqual({ base_model_name_or_path: '/model', revision: null });
    expect(inAdapter('adapter_model.safetensors')).toBe('changed');
    const key = plan.configurations.find(({ name }) => name === 'coded')?.recipeKey as string;
    const { weights, config } = (await store.manifest({ stage: 'adapters', key }))?.results as Record<
      string,
      ArtifactRef
    >;
    expect((await store.read(weights as ArtifactRef)).toString('utf8')).toBe('weights');
    expect((await store.read(config as ArtifactRef)).toString('utf8')).toBe('{}');
  });

  test.each([
    ['writes-nothing', 'it is not there'],
    ['half-a-file', 'it is not JSON'],
    ['not-a-number', 'JSON has no NaN'],
    ['no-metric', 'it has no metric'],
    ['a-word', 'accuracy.value'],
    ['another-key', 'std_err'],
  ])('a result that is none ends it for good: %s', async (behaviour, why) => {
    await plannedWith(behaviour);
    const failed = await failureOf(start());
    expect(failed).toMatchObject({ type: 'TrainingFailed', nonRetryable: true });
    expect(failed.message).toMatch(/the result file .*scores\.json can not be used/);
    expect(failed.message).toContain(why);
    expect(await storedHandoff(store, planned())).toBeNull();
  });

  test.each([
    [65, 'TrainingFailed', true],
    [71, 'OutOfMemory', false],
    [1, 'TrainerDied', false],
  ])('exit code %s: %s, and its last lines without secrets', async (code, type, nonRetryable) => {
    await plannedWith(`exits-${code}`);
    const failed = await failureOf(start());
    expect(failed).toMatchObject({ type, nonRetryable });
    expect(failed.message).toContain('the command of suite ended with exit code');
    expect(failed.message).toContain('no such suite, said with [HANDOFF_TOKEN]');
  });

  test('a secret in its result is replaced by its name', async () => {
    await plannedWith('a-secret');
    await start().ended;
    expect(Object.keys((await storedHandoff(store, planned()))?.scores ?? {})).toEqual(['accuracy of [HANDOFF_TOKEN]']);
  });

  test('a cancelled one is stopped, and no result of it stands', async () => {
    await plannedWith('endless');
    const run = start();
    await atStep(run, 1);
    run.environment.cancel('CANCELLED');
    await expect(run.ended).rejects.toThrow(CancelledFailure);
    expect(await storedHandoff(store, planned())).toBeNull();
  });

  test('five attempts without progress end it', async () => {
    await plannedWith('exits-1');
    for (let attempt = 0; attempt < 5; attempt++) await failureOf(start());
    expect(await failureOf(start())).toMatchObject({ type: 'NoProgress', nonRetryable: true });
  });

  test('it is run for its owner alone', async () => {
    await plannedWith('works');
    expect(await failureOf(start('base', NOBODY))).toMatchObject({ type: 'NotPermitted', nonRetryable: true });
  });

  test('an adapter that was trained again is handed over again', async () => {
    await plannedWith('works');
    await trained('plain', 'weights');
    await start('plain').ended;
    const key = plan.configurations.find(({ name }) => name === 'plain')?.recipeKey as string;
    await storage.cutManifest({ stage: 'adapters', key });
    await trained('plain', 'other weights');
    expect(await storedHandoff(store, planned('plain'))).toBeNull();
  });
});

test.each(['lm_eval_suite.py --tasks x', 'inspect_suite.py x'])(
  'the example %s refuses a merged chain with a code that is not retried',
  (words) => {
    const [script, ...rest] = words.split(' ');
    const own = mkdtempSync(join(tmpdir(), 'example-'));
    const settings = join(own, 'settings.json');
    writeFileSync(settings, JSON.stringify({ merged: ['/somewhere'] }));
    const file = join(installationRoot(), 'experiments', 'handoffs', script as string);
    const { status, stderr } = spawnSync(pythonPath(), ['-I', file, ...rest, settings], { encoding: 'utf8' });
    rmSync(own, { recursive: true });
    expect([status, stderr]).toEqual([78, expect.stringContaining('others merged into it')]);
  },
);
