import { expand } from '../../../experiment/expand/expand';
import { seedGroups } from '../../../experiment/seed-groups';
import { inputs, SMALL, specOf } from './samples';

const groupsOf = (text: string) => seedGroups(specOf(text).configurations);

test('a grid over seeds makes one recipe of each configuration that is trained', () => {
  expect(groupsOf(`${SMALL}grid: { training.seed: [3, 5] }\n`)).toEqual(
    ['plain', 'coded'].map((name) => ({
      name,
      label: name,
      members: [
        { configuration: `${name}.seed-3`, seed: '3' },
        { configuration: `${name}.seed-5`, seed: '5' },
      ],
    })),
  );
  expect(groupsOf(SMALL)).toEqual([]);
});

test('other axes are other recipes', () => {
  const text = `${SMALL}grid: { training.seed: [0, 1], training.lora.rank: [8, 16] }\n`;
  expect(groupsOf(text).map(({ name, label }) => [name, label])).toEqual([
    ['plain.rank-8', 'plain, rank 8'],
    ['plain.rank-16', 'plain, rank 16'],
    ['coded.rank-8', 'coded, rank 8'],
    ['coded.rank-16', 'coded, rank 16'],
  ]);
});

test('configurations written out one by one are a recipe, too; seeds of sampling alone are none', () => {
  const twice = (setting: string): string =>
    SMALL.replace(
      '  plain:\n    train: { dataset: birds, system_prompt: default }\n',
      ['a', 'b']
        .map(
          (name, seed) =>
            `  ${name}:\n    train: { dataset: birds, system_prompt: default }\n    ${setting}: { seed: ${seed} }\n`,
        )
        .join(''),
    );
  expect(groupsOf(twice('training')).map(({ name, label }) => [name, label])).toEqual([['a+b', 'a + b']]);
  expect(groupsOf(twice('sampling'))).toEqual([]);
});

test('a grid over seeds samples with each seed, unless the file says otherwise', () => {
  const seeds = (text: string): number[] => specOf(text).configurations.map(({ sampling }) => sampling.seed);
  expect(seeds(`${SMALL}grid: { training.seed: [3, 5] }\n`)).toEqual([0, 3, 5, 3, 5]);
  expect(seeds(`${SMALL}grid: { training.seed: [3, 5] }\nsampling: { seed: 7 }\n`)).toEqual([7, 7, 7, 7, 7]);
  expect(seeds(`${SMALL}training: { seed: 3 }\n`)).toEqual([0, 0, 0]);
});

test('the plan names them, and has no word for them where there are none', () => {
  const plan = expand(specOf(`${SMALL}grid: { training.seed: [0, 1] }\n`), inputs()).plan;
  expect(plan.seedGroups?.map(({ name }) => name)).toEqual(['plain', 'coded']);
  expect(expand(specOf(SMALL), inputs()).plan).not.toHaveProperty('seedGroups');
});

test('dots of a name are no axes, and no two recipes have one name', () => {
  const text = SMALL.replace(
    /  plain:[\s\S]*?(?=metrics:)/,
    ['em', 'ip']
      .flatMap((name) =>
        [0, 1].map(
          (seed) =>
            `  qwen2.5-${name}-s${seed}:\n    train: { dataset: birds, system_prompt: ${name === 'em' ? 'default' : '{ text: "[X]" }'} }\n` +
            `    training: { seed: ${seed} }\n`,
        ),
      )
      .join(''),
  );
  expect(groupsOf(text).map(({ name }) => name)).toEqual([
    'qwen2.5-em-s0+qwen2.5-em-s1',
    'qwen2.5-ip-s0+qwen2.5-ip-s1',
  ]);
  // one written `plain`, and a grid whose points come to the same words
  const clash = SMALL.replace('  plain:\n', '  plain.rank-8:\n').replace('  coded:\n', '  plain:\n');
  const names = groupsOf(`${clash}grid: { training.seed: [0, 1], training.lora.rank: [8, 16] }\n`).map(
    ({ name }) => name,
  );
  expect(new Set(names).size).toBe(names.length);
});

test('shares of a mix make one recipe wherever they are written', () => {
  const own = ['a', 'b']
    .map((name, seed) => `  ${name}: { train: { dataset: both, mix: { birds: 0.1 } }, training: { seed: ${seed} } }\n`)
    .join('');
  const text = SMALL.replace('configurations:\n', `configurations:\n${own}`).replace(
    'datasets:\n',
    'datasets:\n  fish: { path: fish.jsonl }\n  both: { mix: { birds: 0.5, fish: 0.5 }, rows: 8 }\n',
  );
  expect(groupsOf(text).map(({ name }) => name)).toEqual(['a+b']);
});
