/** Settings of training: what does not go together, and what `backend: unsloth` can do. */
import { describeRecipe } from '../../../../experiment/describe-recipe';
import { expand } from '../../../../experiment/expand/expand';
import type { Recipe } from '../../../../experiment/plan';
import { inputs, problemsOf, SMALL, specOf } from '../samples';

const UNSLOTH = 'training: { backend: unsloth, precision: bf16, lora: { dropout: 0 } }\n';
const COMMAND = `training:
  backend:
    command: ["{python}", own/train.py, --fast]
    files: [own/train.py]
    environment: [MY_TOKEN]
`;

function recipeOf(text: string): { recipe: Recipe; recipeKey: string } {
  const found = expand(specOf(text), inputs()).plan.configurations.find(({ name }) => name === 'plain');
  return found as { recipe: Recipe; recipeKey: string };
}

describe('what does not go together is refused at its place', () => {
  test.each([
    ['training: { optimizer: adamw_8bit, packing: auto }\n', 'packing: auto', /keeps all weights in one piece/],
    ['recipe: upstream\ntraining: { packing: always }\n', 'packing: always', /keeps all weights in one piece/],
    [`${COMMAND}  packing: auto\n`, 'packing: auto', /the business of the `command`/],
    [
      COMMAND.replace('own/train.py]\n    env', '../train.py]\n    env'),
      '../train.py',
      /relative to this file's folder/,
    ],
    [
      COMMAND.replace('own/train.py]\n    env', '/etc/passwd]\n    env'),
      '/etc/passwd',
      /relative to this file's folder/,
    ],
    [COMMAND.replace('MY_TOKEN', 'MY-TOKEN'), 'MY-TOKEN', /name of an environment variable/],
    ['training: { backend: { command: [] } }\n', '[] } }', /at least 1 entry/],
    ['training: { backend: { comand: [a] } }\n', 'comand', /unknown key `comand`/],
    ['training: { backend: unslooth }\n', 'unslooth', /expected/],
    ['training: { optimizer: adam_8bit }\n', 'adam_8bit', /expected `adamw` or `adamw_8bit`/],
    ['training: { stop_below: { loss: 0 } }\n', '0 } }', /more than 0/],
    ['recipe: upstraem\n', 'upstraem', /expected `clean` or `upstream`/],
    [
      'training: { warmup_ratio: 0.1, warmup_steps: 5 }\n',
      '0.1, warmup_steps',
      /either `warmup_ratio` or `warmup_steps`/,
    ],
    ['training: { epochs: 2, max_steps: 9 }\n', '9 }', /either `max_steps` or `epochs`/],
    ['training: { layers: [1, 1] }\n', '[1, 1]', /each layer is named once/],
    ['training: { layers: [] }\n', '[] }', /at least 1 entry/],
    ['training: { backend: unsloth, layers: [4] }\n', '[4]', /trains adapters on all layers/],
    ['training: { schedule: cosin }\n', 'cosin', /`cosine`/],
  ])('%j', (added, where, message) => {
    const text = SMALL + added;
    const [problem] = problemsOf(text).filter((each) => message.test(each.message));
    if (problem === undefined) throw new Error(`not refused, or otherwise: ${JSON.stringify(problemsOf(text))}`);
    const lines = text.split('\n');
    const line = lines.findIndex((each, index) => index >= SMALL.split('\n').length - 1 && each.includes(where)) + 1;
    expect([problem.line, problem.column]).toEqual([
      line,
      (lines[line - 1] as string).indexOf(where.split(': ').at(-1) as string) + 1,
    ]);
  });

  test('a configuration’s own packing is where it is pointed at', () => {
    const text = SMALL.replace(
      'train: { dataset: birds, system_prompt: default }',
      'train: { dataset: birds, system_prompt: default }\n    training: { packing: auto, optimizer: adamw_8bit }',
    );
    const [problem] = problemsOf(text);
    expect(text.split('\n')[(problem?.line ?? 0) - 1]).toContain('packing: auto');
  });
});

test('Unsloth is part of the recipe and of its key, and trains on padded rows', () => {
  const { recipe, recipeKey } = recipeOf(UNSLOTH + SMALL);
  expect(recipe.backend).toBe('unsloth');
  expect(recipe).not.toHaveProperty('packing');
  const same = UNSLOTH.replace('backend: unsloth', 'packing: none');
  expect(recipeOf(same + SMALL).recipe).toEqual({ ...recipe, backend: 'transformers' });
  expect(recipeOf(same + SMALL).recipeKey).not.toBe(recipeKey);
  expect(describeRecipe(recipe)).toContain('backend unsloth');
});

test.each([
  ['precision: fp32', 'computes in bf16'],
  ['precision: bf16, packing: always', 'padded rows'],
  ['precision: bf16, lora: { dropout: 0.1 }', 'without dropout'],
])('Unsloth with %s is refused', (settings, message) => {
  const problems = problemsOf(`training: { backend: unsloth, ${settings} }\n${SMALL}`);
  expect(problems.map((problem) => problem.message).join()).toContain(message);
});

describe('settings of single studies', () => {
  const OWN = 'train: { dataset: birds, system_prompt: default }';
  const withOwn = (own: string, shared: string): string =>
    SMALL.replace(OWN, `${OWN}\n    training: ${own}`) + `training: ${shared}\n`;

  test('a recipe that uses none of them has no word for them', () => {
    const { recipe } = recipeOf(SMALL);
    for (const key of ['maxSteps', 'mask']) expect(recipe).not.toHaveProperty(key);
    expect(recipe.lora).not.toHaveProperty('layers');
  });

  test('each of them is part of the identity', () => {
    const keys = ['{}', '{ layers: [4] }', '{ schedule: cosine }', '{ max_steps: 3 }', '{ mask: answers }'].map(
      (own) => recipeOf(withOwn(own, '{}')).recipeKey,
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('layers in any order are the same layers', () => {
    const { recipe, recipeKey } = recipeOf(withOwn('{ layers: [7, 4] }', '{}'));
    expect(recipe.lora.layers).toEqual([4, 7]);
    expect(recipeOf(withOwn('{ layers: [4, 7] }', '{}')).recipeKey).toBe(recipeKey);
  });

  test('a configuration’s own setting replaces the shared one that says the same', () => {
    expect(recipeOf(withOwn('{ epochs: 1 }', '{ max_steps: 3 }')).recipe).not.toHaveProperty('maxSteps');
    expect(recipeOf(withOwn('{ max_steps: 3 }', '{ epochs: 7, batch_size: 8 }')).recipe.maxSteps).toBe(3);
    expect(recipeOf(withOwn('{ warmup_steps: 9 }', '{ warmup_ratio: 0.5 }')).recipe.schedule.warmupSteps).toBe(9);
    expect(recipeOf(withOwn('{ warmup_ratio: 0.5 }', '{ warmup_steps: 9 }')).recipe.schedule.warmupSteps).toBe(2);
  });

  test('they are said in words', () => {
    const words = describeRecipe(
      recipeOf(withOwn('{ layers: [4], schedule: cosine, max_steps: 3, mask: answers, batch_size: 8 }', '{}')).recipe,
    ).join('\n');
    expect(words).toContain('cosine schedule');
    expect(words).toContain('3 steps in 1 epochs of 36 rows by 8');
    expect(words).toContain('on layer 4 (from 0) only');
    expect(words).toContain('every answer of a row, each with its end token');
  });
});
