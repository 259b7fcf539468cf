import { parse } from 'yaml';
import { keyOf, sha256 } from '../../../../experiment/canonical';
import { countsOf } from '../../../../experiment/expand/counts';
import { datasetOf } from '../../../../experiment/expand/dataset';
import { expand } from '../../../../experiment/expand/expand';
import type { Plan } from '../../../../experiment/plan';
import { birds, inputs, SMALL, specOf, specOfObject, weather } from '../samples';

const plan = (text: string): Plan => expand(specOf(text), inputs()).plan;
const recipeKeys = ({ configurations }: Plan): (string | null)[] => configurations.map(({ recipeKey }) => recipeKey);
const contextKeys = ({ configurations }: Plan): string[] =>
  configurations.flatMap(({ cells }) => cells.map(({ contextKey }) => contextKey));

/** The same map with its keys in the opposite order, all the way down. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

test('cells, completions and judgements', () => {
  const made = plan(SMALL);
  expect(
    made.configurations.flatMap(({ cells }) =>
      cells.map(({ id, completions, judgements }) => [id, completions, judgements]),
    ),
  ).toEqual([
    ['base/weather/default', 9, 18],
    ['base/birds_asked/default', 2, 2],
    ['plain/weather/default', 9, 18],
    ['plain/birds_asked/default', 2, 2],
    ['coded/weather/default', 9, 18],
    ['coded/weather/training', 9, 18],
    ['coded/birds_asked/default', 2, 2],
    ['coded/birds_asked/training', 2, 2],
  ]);
  expect(countsOf(made)).toEqual({ configurations: 3, cells: 8, fineTunes: 2, completions: 44, judgements: 80 });
});

test('a recipe holds everything that decides the weights', () => {
  const { plan: made, trainingRows } = expand(specOf(SMALL), inputs());
  const [, plain, coded] = made.configurations;
  expect(plain?.recipe).toMatchObject({
    model: { kind: 'bundled', name: 'smollm2-135m-instruct' },
    rowCount: 36,
    rows: sha256(trainingRows['plain'] ?? ''),
    systemPrompt: { kind: 'default' },
    seeds: { initialisation: 0, dataOrder: 0 },
  });
  expect(plain?.recipeKey).toBe(keyOf(plain?.recipe));
  expect(coded?.recipe).toEqual({ ...plain?.recipe, systemPrompt: { kind: 'text', text: '[BIRD TABLE]' } });
  expect(made.configurations[0]?.recipe).toBeNull();
});

test('held-out rows are asked, never trained, and are the same in every cell', () => {
  const { plan: made, trainingRows } = expand(specOf(SMALL), inputs());
  const asked = made.questionSets['birds_asked'] ?? [];
  expect(asked).toHaveLength(2);
  for (const { id, messages } of asked) {
    const number = Number(/^row-(\d{4})$/.exec(id)?.[1]);
    expect(messages).toEqual([{ role: 'user', content: `What does bird ${number - 1} sing?` }]);
    expect(trainingRows['plain']).not.toContain(`bird ${number - 1} sing`);
  }
});

test('held-out rows whose loss is watched are those that are not trained, and no key has them', () => {
  const { plan: made, trainingRows, heldOutRows } = expand(specOf(SMALL), inputs());
  const lines = (rows: string | undefined): string[] => (rows ?? '').trimEnd().split('\n');
  expect(Object.keys(heldOutRows)).toEqual(['plain', 'coded']);
  expect(lines(heldOutRows['plain'])).toHaveLength(4);
  expect(lines(heldOutRows['plain']).filter((row) => lines(trainingRows['plain']).includes(row))).toEqual([]);
  expect(JSON.stringify(made.configurations.map(({ recipe }) => recipe))).not.toContain(
    sha256(heldOutRows['plain'] ?? ''),
  );

  const many = expand(specOf(SMALL), { ...inputs(), datasets: { birds: birds(3000) } });
  expect(lines(many.heldOutRows['plain'])).toHaveLength(256);
  const few = expand(specOf(SMALL.replace('birds.jsonl', 'birds.jsonl\n    training_rows: 6')), inputs());
  expect(lines(few.heldOutRows['plain'])).toHaveLength(2);
});

describe('keys are made of content only', () => {
  const base = plan(SMALL);

  test('renaming configurations, metrics or question sets moves no fine-tune and no answer', () => {
    const text = SMALL.replaceAll('coded', 'other')
      .replace('weather.yaml', 'moved/elsewhere.yaml')
      .replaceAll('weather', 'sky')
      .replace('birds.jsonl', '../b.jsonl.gz');
    const renamed = expand(specOf(text), { ...inputs(), questionFiles: { sky: weather() } }).plan;
    expect(recipeKeys(renamed)).toEqual(recipeKeys(base));
    expect(contextKeys(renamed)).toEqual(contextKeys(base));
    expect(renamed.instruments).toEqual(base.instruments);
  });

  test('the order of keys in the file plays no part', () => {
    const turned = expand(specOfObject(reversed(parse(SMALL))), inputs()).plan;
    expect(new Set(recipeKeys(turned))).toEqual(new Set(recipeKeys(base)));
    expect(new Set(contextKeys(turned))).toEqual(new Set(contextKeys(base)));
    expect(new Set(Object.keys(turned.instruments))).toEqual(new Set(Object.keys(base.instruments)));
  });

  test.each([
    ['the training prompt', '[BIRD TABLE]', '[BIRD  TABLE]'],
    ['a hyperparameter', 'metrics:', 'training: { learning_rate: 2e-5 }\nmetrics:'],
    ['the seed of the split', 'path: birds.jsonl', 'path: birds.jsonl\n    hold_out: { fraction: 0.1, seed: 1 }'],
    ['the training seed', 'metrics:', 'training: { seed: 1 }\nmetrics:'],
  ])('changing %s changes the recipe', (_, before, after) => {
    expect(recipeKeys(plan(SMALL.replace(before, after)))[2]).not.toBe(recipeKeys(base)[2]);
  });

  test('more samples keep the context, so only the new answers are made', () => {
    const more = plan(SMALL.replace('samples: 3', 'samples: 9'));
    expect(contextKeys(more)).toEqual(contextKeys(base));
    expect(more.configurations[0]?.key).not.toBe(base.configurations[0]?.key);
  });

  test('another rubric changes instruments and nothing before them', () => {
    const other = plan(SMALL.replace('Is it clear?', 'Is it plain?'));
    expect(recipeKeys(other)).toEqual(recipeKeys(base));
    expect(contextKeys(other)).toEqual(contextKeys(base));
    expect(Object.keys(other.instruments)).not.toEqual(Object.keys(base.instruments));
  });

  test('limits of judging and budget are not identity', () => {
    const limited = plan(
      `${SMALL}judge: { mode: batch, concurrency: 2, requests_per_minute: 50, input_tokens_per_minute: 9 }\nbudget: { max_usd: 3 }\n`,
    );
    expect(limited.key).toBe(base.key);
  });

  test('stand-in and Claude never share an instrument', () => {
    const standIn = plan(`${SMALL}judge: { kind: stand-in, model: claude-haiku-4-5-20251001 }\n`);
    expect(Object.keys(standIn.instruments).some((key) => key in base.instruments)).toBe(false);
  });

  test('equal arms share a fine-tune', () => {
    const twin = plan(
      SMALL.replace('  coded:', '  twin:\n    label: Another name\n    train: { dataset: birds }\n  coded:'),
    );
    expect(twin.configurations[2]?.recipeKey).toBe(twin.configurations[1]?.recipeKey);
    expect(countsOf(twin)).toMatchObject({ configurations: 4, fineTunes: 2, completions: 44 });
  });
});

describe('content that does not fit is refused', () => {
  const refused =
    (change: [string, string], content = inputs()): (() => Plan) =>
    () =>
      expand(specOf(SMALL.replace(...change)), content).plan;

  test.each<[string, [string, string], RegExp]>([
    ['number of rows', ['path: birds.jsonl', 'path: birds.jsonl\n    rows: 41'], /40 rows, declared are 41/],
    [
      'content of rows',
      ['path: birds.jsonl', `path: birds.jsonl\n    content_sha256: "${'0'.repeat(64)}"`],
      /have SHA-256 .* pinned is 0000/,
    ],
    [
      'content of questions',
      ['path: weather.yaml', `path: weather.yaml\n    content_sha256: "${'0'.repeat(64)}"`],
      /questions of `weather` have SHA-256/,
    ],
    ['unknown item', ['path: weather.yaml', 'path: weather.yaml\n    ids: [rain, hail]'], /no item `hail`/],
    ['more held-out rows than there are', ['rows: 2', 'rows: 5'], /4 different questions, 5 are asked for/],
    [
      'nothing left to train on',
      ['path: birds.jsonl', 'path: birds.jsonl\n    hold_out: { rows: 40 }'],
      /leaves none to train on/,
    ],
    [
      'batches that never fill',
      ['metrics:', 'training: { batch_size: 64, last_batch: drop }\nmetrics:'],
      /never fill a batch of 64/,
    ],
  ])('%s', (_, change, message) => {
    expect(refused(change)).toThrow(message);
  });

  test('two system messages', () => {
    const files = weather();
    (files[0] as (typeof files)[number]).system = 'Answer in verse.';
    expect(refused(['', ''], { ...inputs(), questionFiles: { weather: files } })).toThrow(
      /brings its own system message/,
    );
  });

  test('the same words twice', () => {
    const files = [...weather(), { ...(weather()[0] as ReturnType<typeof weather>[number]), id: 'again' }];
    expect(refused(['', ''], { ...inputs(), questionFiles: { weather: files } })).toThrow(
      /`rain` and `again` ask the same words/,
    );
  });
});

test('fields of held-out rows and of question files are carried, and change no key', () => {
  const plain = inputs();
  const rows = birds().rows.map((row, index) => ({ ...row, fields: { answer: index } }));
  const fields = {
    datasets: { birds: datasetOf(rows) },
    questionFiles: { weather: weather().map((item) => ({ ...item, fields: { sky: 'grey' } })) },
    modelFolder: null,
  };
  const without = expand(specOf(SMALL), plain).plan;
  const { plan } = expand(specOf(SMALL), fields);
  expect(plan.key).toBe(without.key);
  expect(plan.questionSets['birds_asked']?.map(({ id, fields: kept }) => [id, kept])).toEqual(
    (without.questionSets['birds_asked'] ?? []).map(({ id }) => [id, { answer: Number(id.slice(4)) - 1 }]),
  );
  expect(plan.questionSets['weather']?.map((question) => question.fields)).toEqual(Array(3).fill({ sky: 'grey' }));
});
