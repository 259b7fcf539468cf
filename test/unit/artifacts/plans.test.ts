/** Stored plans: whole for planning and report, without their bulk for a judge worker. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../../artifacts/local/store';
import { InvalidReference } from '../../../artifacts/reference';
import { ArtifactDamaged } from '../../../artifacts/store';
import type { ArtifactRef } from '../../../experiment/plan';
import {
  cellOf,
  configurationOf,
  judgeOf,
  loadPlan,
  loadPlanForJudging,
  PlanTooLarge,
  remembered,
  storePlan,
  type Recent,
  type StoredPlan,
} from '../../../artifacts/plans';

let folder: string;
let store: LocalStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flamingo-plans-'));
  store = await LocalStore.open(folder);
});
afterAll(() => rm(folder, { recursive: true }));

function planOf(experiment: string): StoredPlan {
  const plan = {
    experiment,
    key: 'a'.repeat(64),
    configurations: [{ name: 'base', cells: [] }],
    questionSets: { free: [{ id: 'tea', key: 'b'.repeat(64), messages: [{ role: 'user', content: 'Why tea?' }] }] },
    instruments: { ['c'.repeat(64)]: { model: 'judge' } },
    deviations: [],
  };
  return {
    plan,
    spec: { name: experiment, judge: { kind: 'stand-in' }, judges: { other: { kind: 'stand-in' } } },
    source: { file: 'experiment.yaml', text: 'name: x\n' },
    modelFolder: null,
    overrides: [],
  } as unknown as StoredPlan;
}

test('a plan comes back as it was stored', async () => {
  const plan = planOf('whole');
  expect(await loadPlan(store, await storePlan(store, plan))).toEqual(plan);
});

describe('which documents are remembered', () => {
  const MB = 1 << 20;

  /** Reads documents of these sizes, each under its letter, and says which of all letters are still there. */
  async function kept(...documents: [letter: string, bytes: number, beside?: number][]): Promise<string> {
    const recent: Recent<string> = new Map();
    for (const [letter, bytes, beside = 0] of documents) {
      const ref = { uri: 'plan.json', sha256: letter.repeat(64), bytes };
      await remembered(recent, ref, async (_, takes) => {
        takes(beside);
        return letter;
      });
    }
    return [...recent.keys()].map((key) => key[0]).join('');
  }

  test('the last four small ones', async () => {
    expect(await kept(['a', MB], ['b', MB], ['c', MB], ['d', MB], ['e', MB])).toBe('bcde');
  });

  test('a large one while it is the last, and small ones before it', async () => {
    expect(await kept(['a', MB], ['b', MB, 400 * MB])).toBe('ab');
    expect(await kept(['a', MB, 400 * MB], ['b', MB, 400 * MB])).toBe('b');
    expect(await kept(['a', MB, 400 * MB], ['b', MB])).toBe('b');
    expect(await kept(['a', 40 * MB], ['b', 40 * MB], ['c', 40 * MB])).toBe('bc');
  });

  test('bytes that are read beside a plan count: two plans whose questions are many are not both there', async () => {
    const many = (experiment: string): StoredPlan => {
      const made = planOf(experiment);
      const question = { id: 'tea', key: 'b'.repeat(64), messages: [{ role: 'user', content: 'x'.repeat(33 * MB) }] };
      Object.assign(made.plan.questionSets, { free: [question, { ...question, id: 'milk' }] });
      return made;
    };
    const [first, second] = [await storePlan(store, many('first')), await storePlan(store, many('second'))];
    const loaded = await loadPlan(store, first);
    expect(await loadPlan(store, first)).toBe(loaded);
    await loadPlan(store, second);
    expect((await loadPlan(store, first)) === loaded).toBe(false);
  });
});

/** Two cells that ask the same, and one that leaves a question out. */
function askingPlan(): StoredPlan {
  const [tea, milk, rubric] = ['b', 'd', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];
  const cell = (id: string, keys: string[], more: object): object => ({
    id,
    ...more,
    metrics: [
      {
        metric: 'kind',
        judge: 'judge',
        repeats: 1,
        instrumentOf: Object.fromEntries(keys.map((key) => [key, rubric])),
      },
    ],
  });
  const cells = [
    cell('base/free/default', [tea, milk], {}),
    cell('base/free/none', [tea, milk], {}),
    cell('base/free/text', [milk], { samplesOf: { [milk]: 2 } }),
  ];
  const stored = planOf('asking');
  return { ...stored, plan: { ...stored.plan, configurations: [{ name: 'base', cells }] as never } };
}

/** The file of a stored plan that grows with its questions. */
async function bulkOf(ref: ArtifactRef): Promise<string> {
  const { bulk } = JSON.parse((await store.read(ref)).toString()) as { bulk: ArtifactRef };
  return (await store.read(bulk)).toString();
}

test('what cells ask of each question is stored once, and comes back in each', async () => {
  const plan = askingPlan();
  const ref = await storePlan(store, plan);
  expect((await bulkOf(ref)).split('d'.repeat(64))).toHaveLength(1 + 3); // of both, of the one, and its samples
  const { plan: loaded } = await loadPlan(store, ref);
  expect(loaded).toEqual(plan.plan);
  const [first, second] = loaded.configurations[0]?.cells ?? [];
  expect(first?.metrics[0]?.instrumentOf).toBe(second?.metrics[0]?.instrumentOf);
});

test('a plan that was stored with everything in each cell is read as before', async () => {
  const { plan, ...rest } = askingPlan();
  const { configurations, questionSets, ...head } = plan;
  const bulk = await store.putBytes(JSON.stringify({ configurations, questionSets }) + '\n', '.bulk.json');
  const ref = await store.putBytes(JSON.stringify({ ...rest, plan: head, bulk }) + '\n', '.plan.json');
  expect(await loadPlan(store, ref)).toEqual({ ...rest, plan });
});

test('a cell that names what the file lacks is told, and no older version takes the file for a plan', async () => {
  const { plan, ...rest } = askingPlan();
  const { configurations: _, questionSets: __, ...head } = plan;
  const whole = JSON.parse(await bulkOf(await storePlan(store, askingPlan()))) as object;
  expect(Object.keys(whole).sort()).toEqual(['byQuestion', 'sharing']);
  const bulk = await store.putBytes(JSON.stringify({ ...whole, byQuestion: {} }) + '\n', '.bulk.json');
  const ref = await store.putBytes(JSON.stringify({ ...rest, plan: head, bulk }) + '\n', '.plan.json');
  await expect(loadPlan(store, ref)).rejects.toThrow(ArtifactDamaged);
  await expect(loadPlan(store, ref)).rejects.toThrow('its `byQuestion` lacks');
});

/** Two outcomes of a set that nothing else asks, and one of a set that has answers, too. */
function measuringPlan(): StoredPlan {
  const stored = planOf('measuring');
  const own = [{ id: 'word', key: 'e'.repeat(64), messages: [{ role: 'user' as const, content: 'One word?' }] }];
  const answerProbabilities = {
    sky: { questionSet: 'one_word', questions: own, words: ['rain', 'no'] },
    rating: { questionSet: 'one_word', questions: own, numbers: { leastMass: 0.25 } },
    tea: { questionSet: 'free', questions: [...(stored.plan.questionSets['free'] ?? [])], words: ['tea'] },
  };
  return { ...stored, plan: { ...stored.plan, answerProbabilities } };
}

test('questions of measured outcomes are stored once for each set, and no judge worker reads them', async () => {
  const plan = measuringPlan();
  const ref = await storePlan(store, plan);
  const bulk = await bulkOf(ref);
  expect(bulk.split('One word?')).toHaveLength(1 + 1);
  expect(bulk.split('Why tea?')).toHaveLength(1 + 1);
  expect((await store.read(ref)).toString()).not.toContain('One word?');
  expect((await loadPlanForJudging(store, ref)).plan).not.toHaveProperty('answerProbabilities');
  const loaded = await loadPlan(store, ref);
  expect(loaded).toEqual(plan);
  const { sky, rating, tea } = loaded.plan.answerProbabilities ?? {};
  expect(sky?.questions).toBe(rating?.questions);
  expect(tea?.questions).toBe(loaded.plan.questionSets['free']);
});

test('a plan that was stored with them in its head is read as before', async () => {
  const { plan, ...rest } = measuringPlan();
  const { configurations, questionSets, ...head } = plan;
  const bulk = await store.putBytes(
    JSON.stringify({ byQuestion: {}, sharing: { configurations, questionSets } }) + '\n',
    '.bulk.json',
  );
  const ref = await store.putBytes(JSON.stringify({ ...rest, plan: head, bulk }) + '\n', '.plan.json');
  expect(await loadPlan(store, ref)).toEqual({ ...rest, plan });
});

test('an outcome whose questions the file lacks is told', async () => {
  const { plan, ...rest } = measuringPlan();
  const { configurations: _, questionSets: __, answerProbabilities: ___, ...head } = plan;
  const { measured: ____, ...whole } = JSON.parse(await bulkOf(await storePlan(store, measuringPlan()))) as {
    measured: object;
  };
  const bulk = await store.putBytes(JSON.stringify(whole) + '\n', '.bulk.json');
  const ref = await store.putBytes(JSON.stringify({ ...rest, plan: head, bulk }) + '\n', '.plan.json');
  await expect(loadPlan(store, ref)).rejects.toThrow(ArtifactDamaged);
  await expect(loadPlan(store, ref)).rejects.toThrow('it lacks the questions of one_word, which are measured');
});

test('for judging it comes without questions and configurations, which lie in a file of their own', async () => {
  const ref = await storePlan(store, planOf('head'));
  const { plan } = await loadPlanForJudging(store, ref);
  expect(Object.keys(plan).sort()).toEqual(['deviations', 'experiment', 'instruments', 'key']);
  expect((await store.read(ref)).toString()).not.toContain('Why tea?');
});

test.each([
  ['no JSON', 'rows\n', 'it is not JSON'],
  ['a document of another kind', '{"plan":{"key":"a"}}', 'is not what it should be'],
])('what is stored as %s is no plan, and is named', async (_, text, message) => {
  const ref = await store.putBytes(text, '.json');
  await expect(loadPlan(store, ref)).rejects.toThrow(ArtifactDamaged);
  await expect(loadPlanForJudging(store, ref)).rejects.toThrow(`${ref.uri} in the store is no plan: `);
  await expect(loadPlan(store, ref)).rejects.toThrow(message);
});

const OWN = { uri: 'blobs/aa/a.plan.json', sha256: 'a'.repeat(64), bytes: 1 };

test.each<[string, unknown]>([
  ['leaves the store', { ...OWN, uri: '../a' }],
  ['leaves it further on', { ...OWN, uri: 'blobs/../../a' }],
  ['is absolute', { ...OWN, uri: '/etc/passwd' }],
  ['is empty', { ...OWN, uri: '' }],
  ['has no hash', { ...OWN, sha256: 'a' }],
  ['has no size', { uri: OWN.uri, sha256: OWN.sha256 }],
  ['is a text', 'blobs/aa/a.plan.json'],
  ['is none', undefined],
])('a reference that %s is refused as one', async (_, ref) => {
  await expect(loadPlan(store, ref as ArtifactRef)).rejects.toThrow(InvalidReference);
});

test('what a plan does not hold is no good reference, however often it is tried', () => {
  const plan = planOf('lacking');
  expect(configurationOf(plan, 'base').name).toBe('base');
  expect(() => configurationOf(plan, 'toString')).toThrow(InvalidReference);
  expect(() => cellOf(plan, 'base', 'ood/default')).toThrow(InvalidReference);
  expect(() => judgeOf(plan.spec, 'toString')).toThrow(InvalidReference);
});

test.each([
  ['what it asks', 0],
  ['the rest of it', 1],
])('a plan that is too large for one text is refused by its name: %s', async (_, before) => {
  const stringify = JSON.stringify.bind(JSON);
  const spy = jest.spyOn(JSON, 'stringify');
  for (let call = 0; call < before; call++) spy.mockImplementationOnce(stringify);
  // as V8 says it above 512 MB
  spy.mockImplementationOnce(() => {
    throw new RangeError('Invalid string length');
  });
  const refused = storePlan(store, planOf('huge'));
  await expect(refused).rejects.toThrow(PlanTooLarge);
  await expect(refused).rejects.toThrow('the plan of huge is larger than 512 MB');
});
