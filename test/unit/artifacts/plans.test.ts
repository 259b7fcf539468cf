/** Stored plans: whole for planning and report, without their bulk for a judge worker. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../../artifacts/local/store';
import { loadPlan, loadPlanForJudging, storePlan, type StoredPlan } from '../../../artifacts/plans';

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

test('for judging it comes without questions and configurations, which lie in a file of their own', async () => {
  const ref = await storePlan(store, planOf('head'));
  const { plan } = await loadPlanForJudging(store, ref);
  expect(Object.keys(plan).sort()).toEqual(['deviations', 'experiment', 'instruments', 'key']);
  expect((await store.read(ref)).toString()).not.toContain('Why tea?');
});
