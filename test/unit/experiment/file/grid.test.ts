import { problemsOf, SMALL, specOf } from '../samples';

/** The only problem of a text, as `line:column message`. */
function only(text: string): string {
  const problems = problemsOf(text);
  expect(problems).toHaveLength(1);
  const [problem] = problems;
  return `${problem?.line}:${problem?.column} ${problem?.message}`;
}

describe('grids', () => {
  test('are bounded: the number is named before any point is made', () => {
    const seeds = (count: number): string => Array.from({ length: count }, (_, seed) => seed).join(', ');
    const axes = ['training.seed', 'training.warmup_steps', 'training.epochs'].map(
      (axis) => `${axis}: [${seeds(2_000)}]`,
    );
    const started = process.cpuUsage();
    expect(only(`${SMALL}grid: { ${axes.join(', ')} }\n`)).toMatch(
      /^\d+:3 8,000,000,001 configurations or more, with all values of `grid`; an experiment may have 5,000/,
    );
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1e6).toBeLessThan(2);
    expect(only(`${SMALL}grid: { training.seed: [${seeds(2_501)}] }\n`)).toMatch(/^\d+:3 5,003 configurations or more/);
  });

  const names = (text: string): string[] => specOf(text).configurations.map(({ name }) => name);

  test('give readable names; the base model is not repeated for training seeds', () => {
    expect(names(`${SMALL}grid: { training.seed: [0, 1], training.lora.rank: [8, 32] }\n`)).toEqual([
      'base',
      ...['plain', 'coded'].flatMap((name) =>
        ['seed-0.rank-8', 'seed-0.rank-32', 'seed-1.rank-8', 'seed-1.rank-32'].map((point) => `${name}.${point}`),
      ),
    ]);
  });

  test('set what they say, over what the configuration says', () => {
    const spec = specOf(
      SMALL.replace(
        '  plain:\n',
        '  plain:\n    grid: { train.system_prompt: [none, { text: "a b" }], training.learning_rate: [2e-4] }\n',
      ),
    );
    const [, first, second] = spec.configurations;
    expect(first).toMatchObject({
      name: 'plain.system-prompt-none.learning-rate-0.0002',
      train: { systemPrompt: { kind: 'none' } },
      training: { learningRate: 2e-4 },
    });
    expect(second).toMatchObject({
      name: 'plain.system-prompt-v2.learning-rate-0.0002',
      train: { systemPrompt: { kind: 'text', text: 'a b' } },
    });
  });

  test('a training seed never moves the split', () => {
    const spec = specOf(`${SMALL}grid: { training.seed: [0, 1] }\n`);
    expect(spec.configurations.slice(1, 3).map(({ training }) => training.seeds)).toEqual([
      { initialisation: 0, dataOrder: 0 },
      { initialisation: 1, dataOrder: 1 },
    ]);
    expect(spec.datasets['birds']?.holdOut?.seed).toBe(0);
  });

  test.each([
    [
      'grid: { samples.weather: [2, 3] }',
      '26:9 `samples` says how many answers there are, not what is asked: it is no axis',
    ],
    ['grid: { training.lora.rnk: [8] }', '26:9 `training.lora.rnk` is no setting of a configuration'],
    [
      'grid: { training.epochs: [1, two] }',
      '26:30 this value does not fit `training.epochs`: expected a number, found the text "two"',
    ],
  ])('%s is refused', (grid, expected) => {
    expect(only(`${SMALL}${grid}\n`)).toContain(expected);
  });

  test('a value that stands twice is told at the second place, once for all configurations', () => {
    const [problem, ...more] = problemsOf(`${SMALL}grid: { training.seed: [0, 1, 0, 0] }\n`);
    expect(problem).toMatchObject({ line: 26, column: 31, message: '`0` stands twice in this list' });
    expect(problem?.hint).toContain('leave one of them out');
    expect(more.map(({ column }) => column)).toEqual([34]);
    expect(only(`${SMALL}grid: { training.learning_rate: [1e-4, 0.0001] }\n`)).toContain('`0.0001` stands twice');
    expect(only(`${SMALL}grid: { train.system_prompt: [{ text: a }, { text: a }] }\n`)).toContain('this value stands');
    const bounds = problemsOf(`${SMALL}grid: { training.learning_rate: [.inf, .nan] }\n`);
    expect(bounds.map(({ message }) => /found .*/.exec(message)?.[0])).toEqual([
      'found the number Infinity',
      'found the number NaN',
    ]);
  });

  test('other configurations of one name are told once, with a remedy', () => {
    const [problem, ...more] = problemsOf(
      `${SMALL}grid: { train.dataset: [birds], training.backend: [transformers] }\n`
        .replace('  plain:\n', '  plain.dataset-birds.backend-transformers: { train: none }\n  plain:\n')
        .replace('  coded:\n', '  coded.dataset-birds.backend-transformers: { train: none }\n  coded:\n'),
    );
    expect(more).toEqual([]);
    expect(problem?.message).toBe(
      'two configurations come to the name `plain.dataset-birds.backend-transformers` (and so with 1 more name)',
    );
    expect(problem?.hint).toContain('as a configuration with another name');
  });

  test('a value that does not fit comes with the remedy that it has beside a key', () => {
    const [problem] = problemsOf(`${SMALL}grid: { training.backend.command: ["python train.py"] }\n`);
    expect(problem?.hint).toBe('as a list: `[python, train.py]`');
  });
});
