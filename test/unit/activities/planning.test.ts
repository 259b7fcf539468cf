/** Who gets what from the planning activities and a GPU worker: the owner everything, any other client only what is allowed. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { ClientRules } from '../../../activities/clients';
import { planningActivities } from '../../../activities/planning';
import { LocalStore } from '../../../artifacts/local/store';
import { permit } from '../../../artifacts/permits';
import type { Allowance } from '../../../experiment/demands';
import type { ArtifactRef } from '../../../experiment/plan';
import type { GpuDependencies } from '../../../gpu-activities/dependencies';
import { finetune } from '../../../gpu-activities/finetune';
import { generate } from '../../../gpu-activities/generate';
import { importExperiment } from '../../../inputs/import';
import type { PlanningActivities } from '../../../workflows/activity-types';
import type { ExperimentOutline, ExperimentRequest } from '../../../workflows/messages';
import { rowsText } from '../../../experiment/expand/dataset';
import { birds, SMALL, weatherFile } from '../experiment/samples';

const secret = randomBytes(32);
const FETCHED = SMALL.replace(
  'path: birds.jsonl',
  `url: https://example.org/birds.jsonl\n    sha256: ${'a'.repeat(64)}`,
);
const COMMAND = `${SMALL}training:
  backend: { command: [touch, /tmp/never] }
`;

let base: string;
let folder: string;
let outside: string;
let store: LocalStore;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'planning-'));
  [folder, outside] = [join(base, 'work'), join(base, 'outside')];
  for (const each of [folder, outside]) mkdirSync(each);
  writeFileSync(join(folder, 'birds.jsonl'), rowsText(birds().rows));
  writeFileSync(join(folder, 'weather.yaml'), weatherFile());
  writeFileSync(join(folder, 'small.yaml'), SMALL);
  store = await LocalStore.open(join(base, 'store'));
});
afterEach(() => rmSync(base, { recursive: true }));

const rules = (...allowed: Allowance[]): ClientRules => ({ secret: () => secret, allowed: new Set(allowed) });

function activities(clients = rules(), ownRequests = true, results = folder): PlanningActivities {
  return planningActivities(store, {
    ...{ experiments: folder, results, ownRequests, clients, cacheFolder: join(base, 'cache') },
    python: () => null,
    version: async () => ({ version: '0.0.0', commit: null }),
  });
}

async function inActivity<T>(work: () => Promise<T>): Promise<T> {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  return environment.run<[], T, () => Promise<T>>(work);
}

const outlined = (request: ExperimentRequest, clients = rules(), own = true): Promise<ExperimentOutline> =>
  inActivity(() => activities(clients, own).planExperiment(request));

/** What `flamingo plan` leaves: a plan, and the permits for it and for where its results go. */
async function planned(text = SMALL, { permitted = true } = {}): Promise<ArtifactRef> {
  const options = { store, cacheFolder: join(base, 'cache'), offline: true };
  const { stored } = await importExperiment({ text, name: 'small.yaml', folder }, options);
  const { ref } = stored as NonNullable<typeof stored>;
  if (permitted) await permit(store, secret, 'plan', ref.sha256);
  return ref;
}

const REFUSED = { type: 'NotPermitted', nonRetryable: true };

test.each<[string, () => ExperimentRequest, RegExp]>([
  ['a file', () => ({ file: 'small.yaml' }), /small\.yaml.*FLAMINGO_ALLOW_CLIENTS=files/],
  ['a text that names files', () => ({ yaml: SMALL }), /birds.*FLAMINGO_ALLOW_CLIENTS=files/],
  ['a text that names addresses', () => ({ yaml: FETCHED }), /birds.*example\.org.*FLAMINGO_ALLOW_CLIENTS=urls/],
])('%s from any other client is refused, with what to do', async (_, request, message) => {
  await expect(outlined(request())).rejects.toMatchObject({ ...REFUSED, message: expect.stringMatching(message) });
  await expect(outlined(request())).rejects.toThrow(/flamingo plan FILE --json/);
});

test('a text whose trainer is a command needs that to be allowed, besides its files', async () => {
  await expect(outlined({ yaml: COMMAND }, rules('files', 'urls'))).rejects.toMatchObject({
    ...REFUSED,
    message: expect.stringMatching(/touch \/tmp\/never.*FLAMINGO_ALLOW_CLIENTS=commands/),
  });
  expect(await outlined({ yaml: COMMAND }, rules('files', 'commands'))).toMatchObject({ experiment: 'small' });
});

test('with files allowed a file of the folder is planned, and none outside it', async () => {
  expect(await outlined({ file: 'small.yaml' }, rules('files'))).toMatchObject({ experiment: 'small' });
  writeFileSync(join(outside, 'secret.yaml'), 'password: hunter2\n');
  symlinkSync(outside, join(folder, 'link'));
  for (const file of ['../outside/secret.yaml', join(outside, 'secret.yaml'), 'link/secret.yaml', '/etc/x.yaml']) {
    const refusal = await outlined({ file }, rules('files')).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(String(refusal)).toContain('lies outside');
    expect(String(refusal)).not.toMatch(/hunter2|root:/);
  }
});

test.each<[string, unknown, RegExp]>([
  ['that leaves the store', { uri: '../outside/x.json', sha256: 'a'.repeat(64), bytes: 3 }, /a path inside the store/],
  ['that is none', 'blobs/x', /is none/],
  ['without a hash', { uri: 'store.json' }, /64 hexadecimal digits/],
])('a reference %s is refused for good', async (_, plan, message) => {
  await expect(outlined({ plan: plan as ArtifactRef })).rejects.toMatchObject({
    ...{ type: 'InvalidInput', nonRetryable: true, message: expect.stringMatching(message) },
  });
});

test('a plan of the owner runs, whoever starts it; one that nobody permitted runs no command', async () => {
  const [mine, foreign] = [await planned(COMMAND), await planned(`${COMMAND}\n`, { permitted: false })];
  expect(await outlined({ plan: mine })).toMatchObject({ experiment: 'small' });
  await expect(outlined({ plan: foreign })).rejects.toMatchObject(REFUSED);
  // another owner's permit is none
  await permit(store, randomBytes(32), 'plan', foreign.sha256);
  await expect(outlined({ plan: foreign })).rejects.toMatchObject(REFUSED);
  expect(await outlined({ plan: foreign }, rules('commands'))).toMatchObject({ experiment: 'small' });
});

test('the GPU worker looks for the permit itself, whoever sent it the work', async () => {
  const plan = await planned(COMMAND, { permitted: false });
  const never = (): never => {
    throw new Error('was asked to do something');
  };
  const dependencies = { store, clients: rules(), trainer: { acquire: never }, models: { bundled: never } };
  const gpu = dependencies as unknown as GpuDependencies;
  const input = { plan, configuration: 'plain', experiment: 'small', maxUsd: null };
  await expect(inActivity(() => finetune(gpu, input))).rejects.toMatchObject(REFUSED);
  const cell = 'plain/weather/default';
  await expect(inActivity(() => generate(gpu, { ...input, cell }))).rejects.toMatchObject(REFUSED);
});

describe('results', () => {
  const cell = { configuration: 'base', cut: null };

  test('go into the worker’s folder, and outside it only where the owner’s command said', async () => {
    const plan = await planned();
    const id = 'base/weather/default';
    symlinkSync(outside, join(folder, 'link'));
    const { publishCell, buildReport } = activities();
    const elsewhere = [outside, join(outside, 'deep'), join(folder, '..', 'outside'), join(folder, 'link'), '/'];
    for (const output of elsewhere) {
      const publish = (): Promise<unknown> => publishCell({ ...cell, plan, cell: id, output });
      await expect(inActivity(publish)).rejects.toMatchObject({ ...REFUSED, message: expect.stringContaining(output) });
      await expect(inActivity(() => buildReport({ plan, output, results: [] }))).rejects.toMatchObject(REFUSED);
      await expect(outlined({ plan, output })).rejects.toMatchObject(REFUSED);
    }
    expect(readdirSync(outside)).toEqual([]);
    await permit(store, secret, 'output', outside);
    for (const output of [outside, join(folder, 'results')]) {
      expect((await outlined({ plan, output })).output).toBe(output);
      // from now on the folder of the run is what its owner said, whatever a client tells an activity
      await inActivity(() => publishCell({ ...cell, plan, cell: id, output: '/' }));
      expect(existsSync(join(output, id, 'completions.jsonl'))).toBe(true);
    }
  });

  test('of a worker for others go by the experiment file, whatever the client says', async () => {
    const plan = await planned(`${SMALL}\noutput: results/mine\n`);
    expect((await outlined({ plan, output: outside }, rules(), false)).output).toBe(join(folder, 'results', 'mine'));
    symlinkSync(outside, join(folder, 'link'));
    const away = await planned(`${SMALL}\noutput: link/mine\n`);
    await expect(outlined({ plan: away }, rules(), false)).rejects.toMatchObject(REFUSED);
  });

  test('of a worker for others are its own, when another one with another folder has planned', async () => {
    const plan = await planned(`${SMALL}\noutput: results/mine\n`);
    const { output } = await outlined({ plan }, rules(), false);
    const second = activities(rules(), false, outside);
    const id = 'base/weather/default';
    for (const told of [output, '/'])
      await inActivity(() => second.publishCell({ ...cell, plan, cell: id, output: told }));
    expect(existsSync(join(outside, 'results', 'mine', id, 'completions.jsonl'))).toBe(true);
    expect(existsSync(output)).toBe(false);
    // the owner's own worker is told what is wrong
    const own = activities(rules(), true, outside);
    await expect(inActivity(() => own.publishCell({ ...cell, plan, cell: id, output }))).rejects.toMatchObject(REFUSED);
  });
});
