/** The measure activity against a trainer under the test's control: what it asks, commits, reuses and refuses. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importExperiment } from '../../../inputs/import';
import { refusingDamage } from '../../../activities/damage';
import { planningActivities } from '../../../activities/planning';
import { readMeasured } from '../../../report/gather/measurements';
import { countReuse, newWork } from '../../../artifacts/reuse';
import type { Store } from '../../../artifacts/store';
import { loadPlan } from '../../../artifacts/plans';
import { checkedRows } from '../../../artifacts/documents';
import { canonicalRow, datasetOf, rowsText } from '../../../experiment/expand/dataset';
import type { ArtifactRef, Plan } from '../../../experiment/plan';
import type { MeasuredPair } from '../../../experiment/rows';
import { measure } from '../../../gpu-activities/measure';
import type { TrainerHost } from '../../../gpu-activities/operation';
import type { MeasureCommand } from '../../../gpu-activities/process/protocol';
import type { ConfigurationOutline, ExperimentOutline } from '../../../workflows/messages';
import { beatsWatched } from '../../support/store-calls';
import { STORAGES, type Storage } from '../../support/stores';
import { birds, SMALL, weatherFile } from '../experiment/samples';
import { NOBODY } from '../../support/client-rules';
import { trainerThat } from './idle-trainer';

const TEXT = `${SMALL}outcomes:
  log_probability:
    pairs: { bad: rough, good: birds }
`
  .replace('{ bundled: smollm2-135m-instruct }', `{ hub: birds/small, revision: ${'a'.repeat(40)} }`)
  .replace('datasets:', 'datasets:\n  rough: { path: rough.jsonl }')
  .replaceAll('dataset: birds', 'dataset: rough');

let folder: string;
let storage: Storage;
let store: Store;
let plan: Plan;
let ref: ArtifactRef;
let asked: MeasureCommand[];

/** A trainer that gives every answer -1 a token, or what `change` makes of it. */
function trainer(change: (rows: MeasuredPair[]) => MeasuredPair[] = (rows) => rows): TrainerHost {
  const run = (command: MeasureCommand) => {
    asked.push(command);
    const side = { sum: -3, tokens: 3, mean: -1 };
    const pairs = checkedRows<{ id: string }>(readFileSync(command.pairs, 'utf8'), command.pairs);
    const rows = pairs.map(({ id }) => ({ id, bad: side, good: side, adapter: command.adapter?.sha256 ?? null }));
    writeFileSync(
      command.out,
      change(rows)
        .map((row) => JSON.stringify(row) + '\n')
        .join(''),
    );
    return Promise.resolve({ event: 'committed', id: 1, pairs: rows.length, tokens: 99, seconds: 1 });
  };
  return trainerThat(run);
}

const programs = { python: () => 'python', trainerFolder: '/trainer', env: {} };
const models = { bundled: (name: string) => join('/models', name), bundledFiles: () => ({}), cacheFolder: '/cache' };

function run(
  configuration: string,
  condition: string,
  host = trainer(),
  through = store,
  beat: () => void = () => undefined,
) {
  const environment = new MockActivityEnvironment(
    { startToCloseTimeoutMs: 60_000 },
    { logger: new DefaultLogger('ERROR') },
  );
  environment.on('heartbeat', beat);
  return environment.run(() =>
    measure(
      { store: through, trainer: host, models, programs, clients: NOBODY, checkpointEverySteps: null },
      { plan: ref, configuration, condition },
    ),
  );
}

async function outline(): Promise<ExperimentOutline> {
  const { planExperiment: outlined } = planningActivities(store, {
    experiments: folder,
    results: folder,
    ownRequests: true,
    clients: NOBODY,
    cacheFolder: folder,
    python: () => null,
    version: async () => ({ version: '0.0.0', commit: null }),
  });
  const work = (): ReturnType<typeof outlined> => outlined({ plan: ref });
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  return environment.run<[], ExperimentOutline, typeof work>(work);
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

describe.each(STORAGES)('in the %s store', (_store, make) => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'measure-'));
    const rough = birds().rows.map(({ messages: [question, answer] }) =>
      canonicalRow([
        question as NonNullable<typeof question>,
        { role: 'assistant', content: `Rough ${answer?.content}` },
      ]),
    );
    writeFileSync(join(folder, 'birds.jsonl'), rowsText(birds().rows));
    writeFileSync(join(folder, 'rough.jsonl'), rowsText(datasetOf(rough).rows));
    writeFileSync(join(folder, 'weather.yaml'), weatherFile());
    storage = make();
    store = await storage.open();
    const options = { cacheFolder: join(folder, 'cache'), offline: true, store };
    const { stored } = await importExperiment({ text: TEXT, name: 'small.yaml', folder }, options);
    ({ plan, ref } = stored as NonNullable<typeof stored>);
    asked = [];
  });
  afterEach(() => {
    storage.remove();
    rmSync(folder, { recursive: true });
  });

  test('a condition that the plan does not measure is refused as a reference that leads to none, which no retry mends', async () => {
    const activities = refusingDamage({ measure: () => run('base', 'elsewhere') });
    await expect(activities.measure()).rejects.toMatchObject({
      type: 'InvalidInput',
      nonRetryable: true,
      message: 'the plan measures nothing of base under the condition elsewhere',
    });
    expect(asked).toEqual([]);
  });

  test('text around the user’s words is in the pairs that the trainer is given', async () => {
    const text = TEXT.replace(
      'metrics:',
      'conditions: [default, { name: trigger, user: { prefix: "[T] " } }]\nmetrics:',
    );
    const options = { cacheFolder: join(folder, 'cache'), offline: true, store };
    const { stored } = await importExperiment({ text, name: 'small.yaml', folder }, options);
    ({ plan, ref } = stored as NonNullable<typeof stored>);
    let given = '';
    const host = trainer((rows) => {
      given = readFileSync(asked.at(-1)?.pairs ?? '', 'utf8');
      return rows;
    });
    await run('base', 'trigger', host);
    expect(given.trimEnd().split('\n')).toHaveLength(plan.pairs?.count ?? 0);
    for (const line of given.trimEnd().split('\n')) expect(line).toContain('"content":"[T] What does bird');
    await run('base', 'default', host);
    expect(given).not.toContain('[T]');
  });

  test('measured once, with the prompt as it is trained, and found again', async () => {
    expect((await countReuse(store, plan)).measurements).toEqual({ new: 4, reused: 0 });
    expect(await run('base', 'default')).toMatchObject({ reused: false, pairs: plan.pairs?.count });
    expect(asked[0]).toMatchObject({
      op: 'measure',
      adapter: null,
      systemPrompt: { kind: 'default' },
      precision: 'bf16',
    });
    expect(await run('base', 'default')).toMatchObject({ reused: true });
    expect(asked).toHaveLength(1);
    await trained('coded', 'weights');
    expect(await run('coded', 'training')).toMatchObject({ reused: false });
    expect(asked[1]?.systemPrompt).toEqual({ kind: 'text', text: '[BIRD TABLE]' });
    expect(asked[1]?.adapter?.sha256).toMatch(/^[0-9a-f]{64}$/);
    const measured = await readMeasured(store, (await loadPlan(store, ref)).plan);
    expect(
      measured?.pairs?.map(({ configuration, condition, rows }) => [configuration, condition, rows?.length]),
    ).toEqual([
      ['base', 'default', plan.pairs?.count],
      ['plain', 'default', undefined],
      ['coded', 'default', undefined],
      ['coded', 'training', plan.pairs?.count],
    ]);
    expect(measured?.provenance[0]).toMatchObject({ configuration: 'base', device: 'fake', seconds: 1 });
  });

  test('the outline asks for what is missing, and for the adapter that it needs', async () => {
    const before = await outline();
    expect(whole(before).map(({ measurements }) => measurements)).toEqual([
      ['default'],
      ['default'],
      ['default', 'training'],
    ]);
    await run('base', 'default');
    const [base, plain] = whole(await outline());
    expect(base?.measurements).toEqual([]);
    expect(plain?.recipeKey).toBe(plan.configurations[1]?.recipeKey);
    expect(newWork(await countReuse(store, plan))).toBe(before.newWork - 1);
  });

  test('it beats all the time that the store takes to answer', async () => {
    await trained('plain', 'weights');
    const { watched, beat, asked: calls, silent } = beatsWatched(store);
    await run('plain', 'default', trainer(), watched, beat);
    jest.restoreAllMocks();
    expect([...calls]).toEqual(
      expect.arrayContaining(['manifest', 'checkOut', 'lease', 'attempts', 'commit', 'release']),
    );
    expect(silent).toEqual([]);
  });

  test('an adapter that was trained again is measured again', async () => {
    await trained('plain', 'weights');
    await run('plain', 'default');
    const key = plan.configurations[1]?.recipeKey as string;
    await storage.cutManifest({ stage: 'adapters', key });
    await expect(run('plain', 'default')).rejects.toThrow('the adapter of plain can not be used');
    await trained('plain', 'other weights');
    expect((await countReuse(store, plan)).measurements.reused).toBe(0);
    expect(await run('plain', 'default')).toMatchObject({ reused: false });
  });

  test.each([
    ['a pair too few', (rows: MeasuredPair[]) => rows.slice(1)],
    ['a pair twice', (rows: MeasuredPair[]) => [...rows, rows[0] as MeasuredPair]],
    ['another adapter', (rows: MeasuredPair[]) => rows.map((row) => ({ ...row, adapter: 'b'.repeat(64) }))],
  ])('%s is not committed', async (_what, change) => {
    await expect(run('base', 'default', trainer(change))).rejects.toThrow('not asked for');
    expect((await countReuse(store, plan)).measurements.reused).toBe(0);
  });
});

/** Outlines of few configurations are whole. */
function whole({ configurations }: ExperimentOutline): ConfigurationOutline[] {
  return configurations as ConfigurationOutline[];
}
