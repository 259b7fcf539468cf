/** How long a fine-tune is, and that equal lengths have one key. */
import { expand } from '../../../../experiment/expand/expand';
import { lengthOf, optimizerSteps } from '../../../../experiment/expand/length';
import type { PlannedConfiguration, Recipe } from '../../../../experiment/plan';
import { inputs, SMALL, specOf } from '../samples';

/** 36 training rows. */
function planned(training: string): PlannedConfiguration & { recipe: Recipe } {
  const { plan } = expand(specOf(`${SMALL}training: ${training}\n`), inputs());
  return plan.configurations.find(({ name }) => name === 'plain') as PlannedConfiguration & { recipe: Recipe };
}

test('optimizer steps count the partial batch, and end at `maxSteps`', () => {
  const recipe = { rowCount: 6344, batchSize: 32, epochs: 2, lastBatch: 'partial' } as Recipe;
  expect(optimizerSteps(recipe)).toBe(398);
  expect(optimizerSteps({ ...recipe, lastBatch: 'drop' })).toBe(396);
  expect(optimizerSteps({ ...recipe, maxSteps: 250 })).toBe(250);
});

test.each([
  [3, { epochs: 1, maxSteps: 3, steps: 3 }],
  [5, { epochs: 1, steps: 5 }],
  [7, { epochs: 2, maxSteps: 7, steps: 7 }],
  [10, { epochs: 2, steps: 10 }],
])('%i steps of 5 an epoch', (maxSteps, length) => {
  expect(lengthOf({ epochs: 9, maxSteps, batchSize: 8, lastBatch: 'partial' }, 36)).toEqual(length);
});

test('steps that whole epochs have are the same work as these epochs', () => {
  const epochs = planned('{ batch_size: 8, epochs: 3 }');
  expect(planned('{ batch_size: 8, max_steps: 15 }').recipeKey).toBe(epochs.recipeKey);
  const shorter = planned('{ batch_size: 8, max_steps: 14 }');
  expect(shorter.recipeKey).not.toBe(epochs.recipeKey);
  expect(shorter.recipe).toMatchObject({ epochs: 3, maxSteps: 14 });
  expect(epochs.recipe).not.toHaveProperty('maxSteps');
});

test('a warm-up ratio is of all steps, rounded up, and no other work than these steps', () => {
  const ratio = planned('{ batch_size: 8, max_steps: 41, warmup_ratio: 0.1 }');
  expect(ratio.recipe.schedule).toEqual({ kind: 'linear', warmupSteps: 5, warmupFrom: 'zero' });
  expect(planned('{ batch_size: 8, max_steps: 41, warmup_steps: 5 }').recipeKey).toBe(ratio.recipeKey);
  expect(planned('{ batch_size: 8, epochs: 2, warmup_ratio: 0.03 }').recipe.schedule.warmupSteps).toBe(1);
  expect(planned('{ batch_size: 8, epochs: 2, warmup_ratio: 0 }').recipe.schedule.warmupSteps).toBe(0);
});

test('a step to evaluate lies within `max_steps`', () => {
  expect(() => planned('{ batch_size: 8, max_steps: 7, evaluate_at: [3, 8] }')).toThrow(
    /trained for 7 optimizer steps; there is no step 8/,
  );
  expect(planned('{ batch_size: 8, max_steps: 7, evaluate_at: [3] }').cells.some(({ step }) => step === 3)).toBe(true);
});
