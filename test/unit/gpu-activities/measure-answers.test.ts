/** The measure activity, of answers: what it asks the trainer, commits, reuses and refuses, with a trainer under the test's control. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkedRows } from '../../../artifacts/documents';
import { configurationOutline } from '../../../artifacts/outline';
import { countReuse } from '../../../artifacts/reuse';
import type { Store } from '../../../artifacts/store';
import { rowsText } from '../../../experiment/expand/dataset';
import type { ArtifactRef, Plan, PlannedConfiguration } from '../../../experiment/plan';
import type { MeasuredAnswers } from '../../../experiment/rows';
import { measure } from '../../../gpu-activities/measure';
import type { TrainerHost } from '../../../gpu-activities/operation';
import type { ProbabilitiesCommand } from '../../../gpu-activities/process/protocol';
import { importExperiment } from '../../../inputs/import';
import { readMeasured } from '../../../report/gather/measurements';
import { NOBODY } from '../../support/client-rules';
import { trainerThat } from './idle-trainer';
import { STORAGES, type Storage } from '../../support/stores';
import { birds, SMALL, weatherFile } from '../experiment/samples';

const TEXT = `${SMALL}outcomes:
  answer_probability:
    sky: { question_set: weather, words: [rain, no] }
`
  .replace('{ bundled: smollm2-135m-instruct }', `{ hub: birds/small, revision: ${'a'.repeat(40)} }`)
  .replace('metrics:', 'conditions: [default, { name: trigger, user: { prefix: "[T] " } }]\nmetrics:');

let folder: string;
let storage: Storage;
let store: Store;
let plan: Plan;
let ref: ArtifactRef;
let asked: ProbabilitiesCommand[];
let items: { id: string; messages: { content: string }[] }[];

function trainer(change: (rows: MeasuredAnswers[]) => object[] = (rows) => rows): TrainerHost {
  const run = (command: ProbabilitiesCommand) => {
    asked.push(command);
    items = checkedRows(readFileSync(command.items, 'utf8'), command.items);
    const adapter = command.adapter?.sha256 ?? null;
    const rows = items.map(({ id }): MeasuredAnswers => ({
      id,
      answers: [-1, -2.5],
      first: [['Rain', -1.1]],
      adapter,
    }));
    writeFileSync(
      command.out,
      change(rows)
        .map((row) => JSON.stringify(row) + '\n')
        .join(''),
    );
    return Promise.resolve({ event: 'committed', id: 1, scored: rows.length, tokens: 99, seconds: 1 });
  };
  return trainerThat(run);
}

const programs = { python: () => 'python', trainerFolder: '/trainer', env: {} };
const models = { bundled: (name: string) => join('/models', name), bundledFiles: () => ({}), cacheFolder: '/cache' };

function run(configuration: string, condition: string, host = trainer()) {
  const environment = new MockActivityEnvironment(
    { startToCloseTimeoutMs: 60_000 },
    { logger: new DefaultLogger('ERROR') },
  );
  return environment.run(() =>
    measure(
      { store, trainer: host, models, programs, clients: NOBODY, checkpointEverySteps: null },
      { plan: ref, configuration, condition },
    ),
  );
}

describe.each(STORAGES)('in the %s store', (_store, make) => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'measure-answers-'));
    writeFileSync(join(folder, 'birds.jsonl'), rowsText(birds().rows));
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

  test('measured once under each condition, by outcome and condition, and found again', async () => {
    expect((await countReuse(store, plan)).measurements).toEqual({ new: 6, reused: 0 });
    expect(await run('base', 'sky/default')).toMatchObject({ reused: false, pairs: 3 });
    expect(asked[0]).toMatchObject({
      ...{ op: 'probabilities', adapter: null, systemPrompt: { kind: 'default' }, precision: 'bf16' },
      answers: { spellings: [expect.arrayContaining([' rain']), expect.arrayContaining(['NO'])], notBefore: 'letter' },
    });
    expect(items.map(({ messages }) => messages[0]?.content)).toContain('Will it rain?');
    expect(await run('base', 'sky/trigger')).toMatchObject({ reused: false });
    expect(items.map(({ messages }) => messages[0]?.content)).toContain('[T] Will it rain?');
    expect(await run('base', 'sky/default')).toMatchObject({ reused: true });
    expect(asked).toHaveLength(2);
    const reuse = await countReuse(store, plan);
    expect(reuse.measurements).toEqual({ new: 4, reused: 2 });
    const outlines = plan.configurations.map((each: PlannedConfiguration) => configurationOutline(each, reuse));
    expect(outlines.map(({ measurements }) => measurements)).toEqual([
      [],
      ['sky/default', 'sky/trigger'],
      ['sky/default', 'sky/trigger'],
    ]);
    const measured = await readMeasured(store, plan);
    expect(measured?.pairs).toBeNull();
    expect(
      measured?.answers?.map(({ outcome, configuration, condition, rows }) => [
        `${configuration}/${outcome}/${condition}`,
        rows?.length,
      ]),
    ).toEqual([
      ['base/sky/default', 3],
      ['base/sky/trigger', 3],
      ...['plain', 'coded'].flatMap((name) => [
        [`${name}/sky/default`, undefined],
        [`${name}/sky/trigger`, undefined],
      ]),
    ]);
    expect(measured?.provenance[1]).toMatchObject({ configuration: 'base', condition: 'sky/trigger', device: 'fake' });
  });

  test.each([
    ['a question too few', (rows: MeasuredAnswers[]) => rows.slice(1), 'not asked for'],
    [
      'another adapter',
      (rows: MeasuredAnswers[]) => rows.map((row) => ({ ...row, adapter: 'b'.repeat(64) })),
      'not asked for',
    ],
    [
      'a word too few',
      (rows: MeasuredAnswers[]) => rows.map((row) => ({ ...row, answers: [-1] })),
      '`answers` is not what',
    ],
    [
      'a probability above 1',
      (rows: MeasuredAnswers[]) => rows.map((row) => ({ ...row, answers: [-1, 0.5] })),
      '`answers.1` is not what',
    ],
  ])('%s is not committed', async (_what, change, message) => {
    await expect(run('base', 'sky/default', trainer(change))).rejects.toThrow(message);
    expect((await countReuse(store, plan)).measurements.reused).toBe(0);
  });

  test('a measurement that is not planned is refused', async () => {
    await expect(run('base', 'default')).rejects.toThrow(
      'the plan measures nothing of base under the condition default',
    );
  });
});
