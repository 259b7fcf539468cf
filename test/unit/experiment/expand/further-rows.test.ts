/** Further datasets and loaded adapters on their way into recipes and plans. */
import { ancestorsOf } from '../../../../experiment/ancestors';
import { canonicalRow, datasetOf, type Dataset } from '../../../../experiment/expand/dataset';
import { expand, type Expanded } from '../../../../experiment/expand/expand';
import { describeRecipe, describeStart } from '../../../../experiment/describe-recipe';
import type { PlannedConfiguration, Recipe } from '../../../../experiment/plan';
import { birds, inputs, SMALL, specOf } from '../samples';

/** As many rows again, the first of which ask what the birds are asked. */
function calm(asked: Dataset): Dataset {
  return datasetOf([
    ...asked.rows.map(({ messages }) =>
      canonicalRow([...messages.slice(0, -1), { role: 'assistant', content: 'Calmly.' }]),
    ),
    ...Array.from({ length: 20 }, (_, index) =>
      canonicalRow([
        { role: 'user', content: `Calm ${index}?` },
        { role: 'assistant', content: 'Yes.' },
      ]),
    ),
  ]);
}

function expanded(train: string, rest = '', kl = calm(birds())): Expanded {
  const text = SMALL.replace('metrics:\n', `  own: { train: { dataset: birds${train} } }\n${rest}metrics:\n`).replace(
    'question_sets:\n',
    '  kl: { path: kl.jsonl, hold_out: { rows: 4 } }\nquestion_sets:\n',
  );
  const command = 'training: { packing: none, backend: { command: [run, t.py] } }\n';
  const given = inputs();
  return expand(specOf(text + command), { ...given, datasets: { ...given.datasets, kl } });
}

function own({ plan }: Expanded): PlannedConfiguration & { recipe: Recipe } {
  return plan.configurations.find(({ name }) => name === 'own') as PlannedConfiguration & { recipe: Recipe };
}

test('they are in the key with their content, and a recipe without any is what it was', () => {
  const without = own(expanded(''));
  expect(without.recipe).not.toHaveProperty('datasets');
  const made = expanded(', datasets: [kl]');
  const { recipe, recipeKey, trainingRows } = own(made);
  expect(recipeKey).not.toBe(without.recipeKey);
  expect(recipe.rows).toBe(without.recipe.rows);
  expect(trainingRows).toBeNull();
  expect(own(expanded(', datasets: { calm: kl }')).recipeKey).not.toBe(recipeKey);
  const other = datasetOf(calm(birds()).rows.slice(1));
  expect(own(expanded(', datasets: [kl]', '', other)).recipeKey).not.toBe(recipeKey);
  expect(describeRecipe(recipe).join()).toContain('rows of kl');
});

test('no row is given that is held out, or asks what another dataset in use holds out', () => {
  const made = expanded(', datasets: [kl]');
  const text = made.furtherRows['own']?.['kl'] as string;
  const asked = (rows: string): Set<string> =>
    new Set(
      rows
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { messages: { content: string }[] }).messages[0]?.content as string),
    );
  const trained = asked(made.trainingRows['own'] as string);
  const heldOut = birds()
    .rows.map(({ messages }) => messages[0]?.content as string)
    .filter((words) => !trained.has(words));
  expect(heldOut).toHaveLength(4);
  const given = asked(text);
  expect(heldOut.filter((words) => given.has(words))).toEqual([]);
  // 60 rows, 4 held out of kl itself, up to 4 more because the birds hold their question out
  expect(own(made).recipe.datasets?.['kl']?.rowCount).toBe(text.trim().split('\n').length);
  expect(given.size).toBeGreaterThanOrEqual(52);
  expect(given.size).toBeLessThanOrEqual(56);
});

test('a dataset of which nothing is left is refused', () => {
  const five = datasetOf(Array.from({ length: 5 }, () => birds().rows[0] as Dataset['rows'][number]));
  expect(() => expanded(', datasets: [kl]', '', five)).toThrow(/of `kl` no row is left that is not held out/);
});

test('what is loaded is in the key, and comes first with all that it needs', () => {
  const rest =
    '  second: { train: { from: plain, dataset: birds, adapter: merge }, training: { backend: transformers } }\n' +
    '  third: { train: { from: own, dataset: birds, adapter: merge }, training: { backend: transformers } }\n';
  const made = expanded(', loads: { teacher: second, other: plain }', rest);
  const { recipe, loads } = own(made);
  const [plain, second, third] = ['plain', 'second', 'third'].map((name) =>
    made.plan.configurations.find((each) => each.name === name),
  ) as PlannedConfiguration[];
  expect(recipe.loads).toEqual({ teacher: second?.recipeKey, other: plain?.recipeKey });
  expect(loads).toEqual([
    {
      ...{ name: 'teacher', configuration: 'second', ancestors: ['plain'] },
      ...{ adapter: second?.recipeKey, merged: [plain?.recipeKey] },
    },
    { name: 'other', configuration: 'plain', ancestors: [], adapter: plain?.recipeKey, merged: [] },
  ]);
  expect(ancestorsOf(own(made))).toEqual(['plain', 'second']);
  // what starts from it needs what it loads
  expect(ancestorsOf(third as PlannedConfiguration)).toEqual(['plain', 'second', 'own']);
  expect(describeStart(own(made))).toEqual(['is given the finished second, plain']);
});
