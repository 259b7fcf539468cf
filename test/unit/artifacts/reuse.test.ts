/** What counts as new: of a finished fine-tune that did not keep what is now to be evaluated, and of configurations that are alike. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countReuse } from '../../../artifacts/reuse';
import { LocalStore } from '../../../artifacts/local/store';
import { keptAdapterKey } from '../../../experiment/kept-steps';
import { countsOf } from '../../../experiment/expand/counts';
import { expand } from '../../../experiment/expand/expand';
import type { Plan } from '../../../experiment/plan';
import { inputs, SMALL, specOf } from '../experiment/samples';

let folder: string;
let store: LocalStore;
let plan: Plan;
let recipeKey: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trained-again-'));
  store = await LocalStore.open(join(folder, 'store'));
  const training = 'training: { batch_size: 4, precision: fp32, evaluate_at: [5, 12] }\n';
  plan = expand(specOf(SMALL + training), inputs()).plan;
  recipeKey = plan.configurations[1]?.recipeKey as string;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function commit(key: string): Promise<void> {
  const weights = await store.putBytes(key, '.safetensors');
  await store.commit(
    { stage: 'adapters', key },
    {
      stage: 'adapters',
      key,
      results: { weights },
      provenance: {},
      facts: {},
      committed: { attempt: 'a', host: 'h', at: '2026-01-01T00:00:00Z' },
    },
  );
}

test('without the finished adapter it is simply new', async () => {
  await commit(keptAdapterKey(recipeKey, 5));
  const { fineTunes, trainedAgain } = await countReuse(store, plan);
  expect(fineTunes).toEqual({ new: 2, reused: 0 });
  expect(trainedAgain).toEqual([]);
});

test('finished, but not all of the steps kept: trained again for those', async () => {
  await commit(recipeKey);
  await commit(keptAdapterKey(recipeKey, 5));
  const { fineTunes, trainedAgain } = await countReuse(store, plan);
  expect(fineTunes).toEqual({ new: 2, reused: 0 });
  expect(trainedAgain).toEqual([{ configurations: ['plain'], steps: [12] }]);
});

test('finished and kept: nothing to train', async () => {
  for (const key of [recipeKey, keptAdapterKey(recipeKey, 5), keptAdapterKey(recipeKey, 12)]) await commit(key);
  const { fineTunes, trainedAgain } = await countReuse(store, plan);
  expect(fineTunes).toEqual({ new: 1, reused: 1 });
  expect(trainedAgain).toEqual([]);
});

test('configurations that are alike are one piece of work, and of unequal samples the most count', async () => {
  const twin = '  twin:\n    train: { dataset: birds, system_prompt: default }\n';
  const more = '  more:\n    train: { dataset: birds, system_prompt: default }\n    samples: { weather: 5 }\n';
  const alone = expand(specOf(SMALL), inputs()).plan;
  const both = expand(specOf(SMALL.replace('metrics:', `${twin}metrics:`)), inputs()).plan;
  const unequal = expand(specOf(SMALL.replace('metrics:', `${twin}${more}metrics:`)), inputs()).plan;
  for (const { configurations } of [both, unequal]) expect(configurations.length).toBeGreaterThan(3);
  const [single, doubled, raised] = await Promise.all([alone, both, unequal].map((each) => countReuse(store, each)));
  expect(doubled).toMatchObject({ completions: single!.completions, judgements: single!.judgements });
  expect(doubled!.byJudge).toEqual(single!.byJudge);
  expect(raised!.completions.new).toBeGreaterThan(single!.completions.new);
  for (const [counted, each] of [[doubled, both] as const, [raised, unequal] as const]) {
    const { completions, judgements } = countsOf(each);
    expect([counted!.completions.new, counted!.judgements.new]).toEqual([completions, judgements]);
  }
});
