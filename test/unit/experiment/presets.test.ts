/** Where defaults come from: the clean recipe and the literature's, as settings and as keys. */
import { keyOf } from '../../../experiment/canonical';
import { expand } from '../../../experiment/expand/expand';
import type { Plan, PlannedConfiguration, Recipe } from '../../../experiment/plan';
import { inputs, SMALL, specOf } from './samples';

const UPSTREAM = 'recipe: upstream\n';
const planOf = (text: string): Plan => expand(specOf(text), inputs()).plan;
const plain = (text: string): PlannedConfiguration =>
  planOf(text).configurations.find(({ name }) => name === 'plain') as PlannedConfiguration;
const recipeOf = (text: string): Recipe => plain(text).recipe as Recipe;

test('the default is the clean recipe, and naming it changes no key', () => {
  const recipe = recipeOf(SMALL);
  expect(recipe).not.toHaveProperty('mask');
  expect(recipe).not.toHaveProperty('stopBelow');
  expect(recipe).toMatchObject({ optimizer: { name: 'adamw' }, backend: 'transformers' });
  expect(planOf(`recipe: clean\n${SMALL}`)).toEqual(planOf(SMALL));
});

test('keys of work that was done before there was a choice are what they were', () => {
  const { configurations, key } = planOf(SMALL);
  expect(configurations.map(({ recipeKey }) => recipeKey?.slice(0, 12))).toEqual([
    undefined,
    '0f54e60fdef5',
    '816c8e0c281c',
  ]);
  expect(key.slice(0, 12)).toBe('774f3426fadd');
});

test('upstream is a set of settings', () => {
  const { recipe, cells } = plain(UPSTREAM + SMALL);
  expect(recipe).toMatchObject({
    optimizer: { name: 'adamw_8bit', learningRate: 1e-5, weightDecay: 0.01 },
    mask: 'markers',
    stopBelow: { loss: 0.01, steps: 5 },
    lastBatch: 'partial',
    schedule: { kind: 'linear', warmupSteps: 5, warmupFrom: 'zero' },
  });
  expect(recipe).not.toHaveProperty('packing');
  expect(cells[0]?.context.sampling).toMatchObject({ topK: 20, repetitionPenalty: 1.05, maxNewTokens: 600 });
});

test('its name is in no key: the same settings one by one are the same work', () => {
  const written = SMALL.replace(
    'path: birds.jsonl',
    'path: birds.jsonl\n    hold_out: { fraction: 0.1, method: train_test_split }',
  );
  const settings = `training: { optimizer: adamw_8bit, mask: markers, stop_below: { loss: 0.01, steps: 5 } }
sampling: { preset: upstream }
`;
  const keys = (plan: Plan): unknown => plan.configurations.map(({ key, recipeKey }) => [key, recipeKey]);
  expect(keys(planOf(written + settings))).toEqual(keys(planOf(UPSTREAM + SMALL)));
  expect(keys(planOf(written + settings))).not.toEqual(keys(planOf(SMALL)));
});

test('each of its settings can be taken back', () => {
  const back = `training: { optimizer: adamw, mask: answer, stop_below: never, packing: auto }
sampling: { preset: pure }
`;
  const text = SMALL.replace(
    'path: birds.jsonl',
    'path: birds.jsonl\n    hold_out: { fraction: 0.1, method: content }',
  );
  expect(keyOf(recipeOf(UPSTREAM + text + back))).toBe(keyOf(recipeOf(SMALL)));
});
