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
    ['training: { quantization: nf4, precision: fp32 }\n', 'quantization: nf4', /computed with in bf16/],
    ['training: { quantization: nf4, packing: auto }\n', 'packing: auto', /trains on padded rows/],
    ['training: { quantization: nf4, backend: unsloth }\n', 'quantization: nf4', /only `backend: transformers`/],
    ['training: { quantization: int8 }\n', 'int8', /expected `none` or `nf4`/],
    ['sampling: { quantization: nf4, precision: fp32 }\n', 'fp32', /answers from a base in 4 bits/],
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

describe('a base in 4 bits', () => {
  const configurations = (text: string) => expand(specOf(SMALL + text), inputs()).plan.configurations;

  test('is part of the key of what was trained and of what was answered, where it is declared', () => {
    const [plain, none, quantized] = [
      '',
      'training: { quantization: none }\n',
      'training: { quantization: nf4 }\n',
    ].map(configurations);
    expect(none?.map(({ key }) => key)).toEqual(plain?.map(({ key }) => key));
    const { packing, ...recipe } = plain?.[1]?.recipe as Recipe;
    expect(packing).toBe('auto'); // rows are padded on a base in 4 bits
    expect(quantized?.[1]?.recipe).toEqual({ ...recipe, quantization: 'nf4' });
    // the untrained model is asked in the same form
    for (const { cells } of quantized ?? [])
      for (const { context } of cells) {
        expect(context.sampling).toMatchObject({ quantization: 'nf4', batchSize: 64 });
        expect(context.sampling).not.toHaveProperty('batching');
      }
  });

  test('answers may be drawn from the other base', () => {
    const full = configurations('training: { quantization: nf4 }\nsampling: { quantization: none }\n');
    const plain = configurations('');
    expect(full[1]?.recipe?.quantization).toBe('nf4');
    expect(full.map(({ cells }) => cells[0]?.context.sampling)).toEqual(
      plain.map(({ cells }) => cells[0]?.context.sampling),
    );
    expect(full[0]?.cells.map(({ contextKey }) => contextKey)).toEqual(
      plain[0]?.cells.map(({ contextKey }) => contextKey),
    );
    const only = configurations('sampling: { quantization: nf4 }\n');
    expect(only[1]?.recipeKey).toBe(plain[1]?.recipeKey);
    expect(only[1]?.cells[0]?.context.sampling.quantization).toBe('nf4');
  });

  test('is said of a recipe', () => {
    const text = (more: string): string =>
      describeRecipe(recipeOf(`${SMALL}training: { ${more} }\n`).recipe).join('\n');
    expect(text('quantization: nf4')).toContain('bf16 on a base in 4 bits (nf4), padded rows');
    expect(text('packing: none')).toContain('bf16, padded rows');
  });

  test('takes no merged adapter, also not from further back', () => {
    const text = (as: string, setting: string): string =>
      SMALL.replace(
        'metrics:',
        `  then:
    train: { from: plain, dataset: birds, adapter: ${as} }
  last:
    train: { from: then, dataset: birds, adapter: continue }
    ${setting}
metrics:`,
      );
    expect(problemsOf(text('continue', 'training: { quantization: nf4 }'))).toEqual([]);
    for (const setting of ['training: { quantization: nf4 }', 'sampling: { quantization: nf4 }']) {
      expect(problemsOf(text('merge', setting))).toEqual([
        expect.objectContaining({
          line: 23,
          message: expect.stringContaining(
            '`then` starts from an adapter that is merged into the base model',
          ) as string,
        }),
      ]);
    }
    expect(problemsOf(`${text('merge', 'label: Last')}training: { quantization: nf4 }\n`)[0]?.message).toMatch(
      /^the adapter is merged into the base model, which can not be in 4 bits then/,
    );
  });
});
