/** `training.backend: unsloth`: in the recipe, in its key and in the report, and what it can not do. */
import { describeRecipe } from '../../../../experiment/describe-recipe';
import { deviationsOf } from '../../../../experiment/expand/deviations';
import { expand } from '../../../../experiment/expand/expand';
import type { Recipe } from '../../../../experiment/plan';
import { inputs, problemsOf, SMALL, specOf } from '../samples';

const UNSLOTH = 'training: { backend: unsloth, precision: bf16, lora: { dropout: 0 } }\n';

function recipeOf(text: string): { recipe: Recipe; recipeKey: string } {
  const found = expand(specOf(text), inputs()).plan.configurations.find(({ name }) => name === 'plain');
  return found as { recipe: Recipe; recipeKey: string };
}

test('it is part of the recipe and of its key, and trains on padded rows', () => {
  const { recipe, recipeKey } = recipeOf(UNSLOTH + SMALL);
  expect(recipe.backend).toBe('unsloth');
  expect(recipe).not.toHaveProperty('packing');
  const same = UNSLOTH.replace('backend: unsloth', 'packing: none');
  expect(recipeOf(same + SMALL).recipe).toEqual({ ...recipe, backend: 'transformers' });
  expect(recipeOf(same + SMALL).recipeKey).not.toBe(recipeKey);
  expect(describeRecipe(recipe)).toContain('backend unsloth');
});

test('the report says that Unsloth trained', () => {
  const topics = deviationsOf(specOf(UNSLOTH + SMALL)).filter(({ topic }) => topic === 'trainer');
  expect(topics).toHaveLength(1);
  expect(topics[0]?.here).toContain("plain, coded: Unsloth's model");
});

test.each([
  ['precision: fp32', 'computes in bf16'],
  ['precision: bf16, packing: always', 'padded rows'],
  ['precision: bf16, lora: { dropout: 0.1 }', 'without dropout'],
])('with %s it is refused', (settings, message) => {
  const problems = problemsOf(`training: { backend: unsloth, ${settings} }\n${SMALL}`);
  expect(problems.map((problem) => problem.message).join()).toContain(message);
});
