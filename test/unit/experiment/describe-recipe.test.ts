/** A recipe in words, for people. */
import { describeRecipe } from '../../../experiment/describe-recipe';
import { expand } from '../../../experiment/expand/expand';
import type { Recipe } from '../../../experiment/plan';
import { inputs, SMALL, specOf } from './samples';

const UPSTREAM = 'recipe: upstream\n';
const COMMAND = `training:
  backend:
    command: ["{python}", own/train.py, --fast]
    files: [own/train.py]
    environment: [MY_TOKEN]
`;
const trainerFiles = { 'own/train.py': Buffer.from('print("birds")\n') };

function recipeOf(text: string): Recipe {
  const { plan } = expand(specOf(text), { ...inputs(), trainerFiles });
  return plan.configurations.find(({ name }) => name === 'plain')?.recipe as Recipe;
}

test('what a recipe does is said in words', () => {
  const words = (text: string): string => describeRecipe(recipeOf(text)).join('\n');
  expect(words(SMALL)).toMatch(
    /^adamw, [^]*packed rows \(auto\)[^]*the last answer and its end token\nbackend transformers$/,
  );
  expect(words(UPSTREAM + SMALL)).toMatch(
    /^adamw_8bit, [^]*loss below 0.01 in more than 5 steps[^]*padded rows[^]*empty answer/,
  );
  expect(words(SMALL + COMMAND)).toMatch(
    /backend command `\{python\} own\/train.py --fast` \(own\/train.py [0-9a-f]{12}\)$/,
  );
});

test.each([
  ['batch_size: 8', '2 epochs of 36 rows by 8, the last step of an epoch smaller'],
  ['batch_size: 8, last_batch: drop', '2 epochs of 36 rows by 8, the last step of an epoch dropped'],
  ['batch_size: 12', '2 epochs of 36 rows by 12'],
  ['batch_size: 12, last_batch: drop', '2 epochs of 36 rows by 12'],
])('rows left over by whole batches are spoken of where there are any: %s', (training, line) => {
  expect(describeRecipe(recipeOf(`${SMALL}training: { ${training}, micro_batch_size: 2 }\n`))).toContain(line);
});
