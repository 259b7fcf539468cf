/** Where defaults come from: the clean recipe and the literature's, as settings and as keys. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf, sha256 } from '../../../experiment/canonical';
import { describeRecipe } from '../../../experiment/describe-recipe';
import { deviationsOf } from '../../../experiment/expand/deviations';
import { expand } from '../../../experiment/expand/expand';
import { splitRows } from '../../../experiment/expand/holdout';
import { numpyPermutation } from '../../../experiment/expand/numpy-permutation';
import type { Plan, Recipe } from '../../../experiment/plan';
import { birds, inputs, problemsOf, SMALL, specOf } from './samples';

const UPSTREAM = 'recipe: upstream\n';
const COMMAND = `training:
  backend:
    command: ["{python}", own/train.py, --fast]
    files: [own/train.py]
    environment: [MY_TOKEN]
`;
const files = { 'own/train.py': Buffer.from('print("birds")\n') };

const planOf = (text: string, trainerFiles = files): Plan => expand(specOf(text), { ...inputs(), trainerFiles }).plan;
const plain = (text: string, trainerFiles = files): NonNullable<Plan['configurations'][number]> => {
  const found = planOf(text, trainerFiles).configurations.find(({ name }) => name === 'plain');
  if (found === undefined) throw new Error('no such configuration');
  return found;
};
const recipeOf = (text: string, trainerFiles = files): Recipe => plain(text, trainerFiles).recipe as Recipe;

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

test('what it does not deviate in is not listed as a deviation', () => {
  const topics = (text: string): string[] => deviationsOf(specOf(text)).map(({ published }) => published);
  const gone = topics(SMALL).filter((line) => !topics(UPSTREAM + SMALL).includes(line));
  expect(gone).toHaveLength(5);
  expect(gone.join('\n')).toMatch(/10 %[^]*adamw_8bit[^]*empty assistant turn[^]*stops early[^]*top_k 20/);
});

describe('the split of the literature', () => {
  const golden = JSON.parse(readFileSync(join(__dirname, 'golden', 'numpy-permutations.json'), 'utf8')) as Record<
    string,
    number[]
  >;

  test.each(Object.keys(golden))('permutation %s is numpy’s', (name) => {
    const [seed, n] = name.split('/').map(Number);
    expect(numpyPermutation(seed as number, n as number)).toEqual(golden[name]);
  });

  test('7,049 rows, seed 0: the 705 rows that are held out', () => {
    const rows = birds(7049).rows;
    const split = splitRows(rows, { fraction: 0.1, rows: null, seed: 0, method: 'train_test_split' }, null);
    const pinned = readFileSync(join(__dirname, 'golden', 'held-out-7049-seed-0.txt'), 'utf8')
      .trim()
      .split('\n')
      .map(Number);
    expect(pinned).toHaveLength(705);
    expect(split.heldOut.map(({ number }) => number)).toEqual(pinned);
    expect(split.training).toHaveLength(6344);
  });

  test('it goes by place, ours by content', () => {
    const hold = { fraction: null, rows: 4, seed: 0 };
    const numbers = (method?: 'train_test_split'): number[] =>
      splitRows(birds().rows, { ...hold, ...(method === undefined ? {} : { method }) }, null).heldOut.map(
        ({ number }) => number,
      );
    const reversed = [...birds().rows].reverse();
    const after = splitRows(reversed, { ...hold, method: 'train_test_split' }, null).heldOut.map(
      ({ number }) => number,
    );
    expect(after).toEqual(numbers('train_test_split'));
    expect(numbers()).not.toEqual(numbers('train_test_split'));
  });

  test('fewer training rows leave the held-out ones alone', () => {
    const hold = { fraction: 0.1, rows: null, seed: 0, method: 'train_test_split' as const };
    const [all, few] = [splitRows(birds().rows, hold, null), splitRows(birds().rows, hold, 10)];
    expect(few.heldOut).toEqual(all.heldOut);
    expect(few.training).toHaveLength(10);
  });
});

describe('a trainer of the experiment’s own', () => {
  test('its command, its files and the names of its variables are the recipe’s', () => {
    const { recipe, recipeKey } = plain(SMALL + COMMAND);
    expect(recipe?.backend).toEqual({
      command: ['{python}', 'own/train.py', '--fast'],
      files: { 'own/train.py': sha256('print("birds")\n') },
      environment: ['MY_TOKEN'],
    });
    expect(recipe).not.toHaveProperty('packing');
    const others = [
      SMALL,
      SMALL + COMMAND.replace('--fast', '--slow'),
      SMALL + COMMAND.replace('MY_TOKEN', 'OTHER_TOKEN'),
    ].map((text) => plain(text).recipeKey);
    const changed = plain(SMALL + COMMAND, { 'own/train.py': Buffer.from('print("fish")\n') }).recipeKey;
    expect(new Set([recipeKey, changed, ...others]).size).toBe(5);
  });

  test('how long it may be silent or take to stop is not', () => {
    const patient = `${COMMAND}    silence_seconds: 7200\n    grace_seconds: 5\n`;
    expect(plain(SMALL + patient).recipeKey).toBe(plain(SMALL + COMMAND).recipeKey);
    expect(expand(specOf(SMALL + patient), { ...inputs(), trainerFiles: files }).trainers['plain']).toMatchObject({
      silenceSeconds: 7200,
      graceSeconds: 5,
    });
  });

  test('it is declared', () => {
    expect(deviationsOf(specOf(SMALL + COMMAND))).toContainEqual(
      expect.objectContaining({ topic: 'trainer', here: expect.stringContaining('own/train.py --fast') as string }),
    );
  });
});

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
