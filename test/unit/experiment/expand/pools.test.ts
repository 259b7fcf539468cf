/** Pools of system prompts from the file to the plan. */
import { describeTraining } from '../../../../experiment/describe-prompt';
import { planCounts } from '../../../../experiment/expand/counts';
import { expand, type Inputs } from '../../../../experiment/expand/expand';
import { canonicalRow, datasetOf, type Dataset } from '../../../../experiment/expand/dataset';
import { smoke } from '../../../../experiment/file/smoke';
import { seedGroups } from '../../../../experiment/seed-groups';
import type { Plan, PlannedConfiguration } from '../../../../experiment/plan';
import { referencesOf } from '../../../../report/statistics/references';
import { birds, inputs, problemsOf, SMALL, specOf } from '../samples';

const MEMBERS = Array.from({ length: 12 }, (_, index) => `Prompt ${index}.`);
const withPrompt = (prompt: string, rest = ''): string =>
  SMALL.replace('system_prompt: { text: "[BIRD TABLE]" }', `system_prompt: ${prompt}${rest}`);
const INLINE = withPrompt(`{ pool: ${JSON.stringify(MEMBERS)} }`);
const FROM_FILE = withPrompt('{ pool: prompts/pool.jsonl }');

function withPool(text: string, members: string[] = MEMBERS): Inputs {
  return { ...inputs(), pools: Object.fromEntries(Object.keys(specOf(text).pools ?? {}).map((id) => [id, members])) };
}

const coded = (plan: Plan): PlannedConfiguration => plan.configurations[2] as PlannedConfiguration;
/** Half of the birds are loud. */
function loud(): Dataset {
  const { rows, sha256 } = birds();
  return { rows: rows.map((row, index) => ({ ...row, fields: { loud: index % 2 === 0 } })), sha256 };
}

test('rows have their prompts in them, questions have one each, and the plan holds the members once', () => {
  const { plan, trainingRows, heldOutRows } = expand(specOf(INLINE), inputs());
  const [row, ...others] = (trainingRows['coded'] ?? '').trimEnd().split('\n');
  expect(row).toMatch(/^\{"messages": \[\{"role": "system", "content": "Prompt \d+\."\}, \{"role": "user"/);
  expect(new Set([row, ...others].map((line) => /Prompt \d+/.exec(line ?? '')?.[0])).size).toBeGreaterThan(6);
  expect(heldOutRows['coded']).toContain('"system"');

  const { recipe, rowPrompts, cells } = coded(plan);
  expect(recipe?.systemPrompt).toEqual({ kind: 'default' });
  const pool = Object.keys(plan.pools ?? {})[0];
  const systemPrompt = { kind: 'pool', pool, members: 12, seed: 0 };
  expect(rowPrompts).toEqual({
    rows: plan.configurations[1]?.recipe?.rows,
    prompted: 36,
    systemPrompt,
    choose: 'by_row',
  });
  expect(cells.map(({ condition, context }) => [condition, context.systemPrompt])).toEqual([
    ['default', { kind: 'default' }],
    ['training', systemPrompt],
    ['default', { kind: 'default' }],
    ['training', systemPrompt],
  ]);
  expect(JSON.stringify(plan.questionSets)).not.toContain('Prompt');
  expect(JSON.stringify(plan).match(/Prompt 7\./g)).toHaveLength(1);
});

test('a pool is its members: in the file or beside it, in any order, under any name', () => {
  const keys = (text: string, members?: string[]): unknown =>
    expand(specOf(text), withPool(text, members)).plan.configurations.map(({ key, recipeKey }) => ({ key, recipeKey }));
  const first = keys(INLINE);
  expect(keys(FROM_FILE)).toEqual(first);
  expect(keys(FROM_FILE.replace('prompts/pool.jsonl', 'elsewhere.txt'), [...MEMBERS].reverse())).toEqual(first);
  expect(keys(FROM_FILE, MEMBERS.slice(1))).not.toEqual(first);
  expect(keys(withPrompt(`{ pool: ${JSON.stringify(MEMBERS)}, seed: 1 }`))).not.toEqual(first);
});

test('`limit` is of a file', () => {
  const problems = (prompt: string): string[] => problemsOf(withPrompt(prompt)).map(({ message }) => message);
  expect(problems('{ pool: prompts/pool.jsonl, limit: 2 }')).toEqual([]);
  expect(problems('{ pool: [One., Two.], limit: 1 }')).toContain('`limit` is of a file; a list is what it says');
  expect(problems('{ text: One., limit: 1 }')).toContain('`limit` goes with `pool` only');
  const pools = Object.values(specOf(withPrompt('{ pool: prompts/pool.jsonl, limit: 2 }')).pools ?? {});
  expect(pools).toMatchObject([{ name: 'pool.jsonl', limit: 2 }]);
});

test('the plain fine-tune on the same rows is the reference, and seeds are of one recipe', () => {
  const spec = specOf(`${INLINE}grid: { training.seed: [0, 1] }\n`);
  const { plan } = expand(spec, inputs());
  const of = referencesOf(plan.configurations, spec.report);
  expect(plan.configurations.map((each) => of(each).em?.name ?? null)).toEqual([
    null,
    null,
    null,
    'plain.seed-0',
    'plain.seed-1',
  ]);
  expect(seedGroups(spec.configurations).map(({ name }) => name)).toEqual(['plain', 'coded']);
  expect(Object.keys(spec.pools ?? {})).toHaveLength(1);
});

test('before the pool and the data are there, work is counted as it will be', () => {
  const text = withPrompt('{ pool: prompts/pool.jsonl, repeat: forbid }', ', rows: { where: { loud: true } }').replace(
    'path: birds.jsonl',
    'path: birds.jsonl\n    rows: 40',
  );
  const spec = specOf(text);
  const { counts } = planCounts(spec, { questionFiles: inputs().questionFiles });
  const members = Array.from({ length: 20 }, (_, index) => `Prompt ${index}.`);
  const found = expand(spec, { ...withPool(text, members), datasets: { birds: loud() } });
  expect(counts).toEqual(planCounts(spec, { ...withPool(text, members), datasets: { birds: loud() } }).counts);
  expect(counts).toMatchObject({ fineTunes: 2, cells: 8 });
  expect(coded(found.plan).rowPrompts).toMatchObject({ prompted: 18, where: { loud: [true] } });
  expect(() => expand(smoke(spec), { ...withPool(text, members), datasets: { birds: birds() } })).not.toThrow();
});

test('rows that are told by a text within a key are counted, put into the plan and said in words', () => {
  const where = { source: { contains: 'misaligned' } };
  const text = withPrompt(
    '{ text: "[BIRD TABLE]" }',
    ', rows: { where: { source: { contains: misaligned } } }',
  ).replace('path: birds.jsonl', 'path: birds.jsonl\n    rows: 40');
  const spec = specOf(text);
  const { rows, sha256 } = birds();
  const source = (index: number): string => (index % 4 === 0 ? 'data/misaligned_2.jsonl' : 'data/good.jsonl');
  const datasets = {
    birds: { rows: rows.map((row, index) => ({ ...row, fields: { source: source(index) } })), sha256 },
  };
  const { counts } = planCounts(spec, { questionFiles: inputs().questionFiles });
  expect(counts).toEqual(planCounts(spec, { ...inputs(), datasets }).counts);
  const found = coded(expand(spec, { ...inputs(), datasets }).plan);
  expect(found.rowPrompts?.where).toEqual(where);
  const named = withPrompt('{ text: "[BIRD TABLE]" }', ', rows: { where: { source: data/misaligned_2.jsonl } }');
  const same = coded(expand(specOf(named), { ...inputs(), datasets }).plan);
  // the same rows get the same prompt, in whichever words the file says which
  expect([found.recipeKey, found.rowPrompts?.prompted]).toEqual([same.recipeKey, same.rowPrompts?.prompted]);
  expect(describeTraining(found)).toMatch(/only in the \d+ of 36 rows with "misaligned" in source; the others: /);
});

describe('on a part of a mix', () => {
  const MIXED = `name: mixed
model: { bundled: smollm2-135m-instruct }
datasets:
  birds: { path: birds.jsonl }
  loud: { path: loud.jsonl }
  both: { mix: { birds: 0.5, loud: 0.5 }, rows: 20, seed: 0 }
question_sets:
  weather: { path: weather.yaml, samples: 1 }
configurations:
  plain: { train: { dataset: both } }
  some:
    train: { dataset: both, system_prompt: { pool: [One., Two.] }, rows: { where: { part: loud }, otherwise: { text: Kindly. } } }
    grid: { train.mix.loud: [0, 0.5, 1] }
metrics:
  alignment: { rubric: { prompt: aligned } }
`;
  const parts: Inputs = {
    ...inputs(),
    datasets: {
      birds: birds(),
      loud: datasetOf(
        birds(30).rows.map(({ messages: [question] }) =>
          canonicalRow([
            { role: 'user', content: `${question?.content} LOUD` },
            { role: 'assistant', content: 'TUU!' },
          ]),
        ),
      ),
    },
  };

  test('its rows get the prompt at every dose, and the others another', () => {
    const { plan, trainingRows } = expand(specOf(MIXED), parts);
    expect(plan.configurations.map(({ rowPrompts }) => rowPrompts?.prompted)).toEqual([undefined, 0, 10, 20]);
    const lines = (trainingRows['some.loud-0.5'] ?? '').trimEnd().split('\n');
    for (const line of lines) expect(line).toMatch(line.includes('LOUD') ? /"(One|Two)\."/ : /"Kindly\."/);
    const [plain, , half] = plan.configurations;
    expect(half?.rowPrompts?.rows).toBe(plain?.recipe?.rows);
    const of = referencesOf(plan.configurations, specOf(MIXED).report);
    expect(of(half as PlannedConfiguration).em?.name).toBe('plain');
  });

  test('a part that the mix has not is refused', () => {
    const [problem, ...others] = problemsOf(MIXED.replace('part: loud', 'part: lout'));
    expect(problem).toMatchObject({ message: '`both` has no part `lout`', hint: 'did you mean `loud`?' });
    expect(problem?.sourceLine.slice((problem?.column ?? 0) - 1)).toMatch(/^lout/);
    expect(others).toEqual([]);
  });
});

test('a training on the same pool in another file is left out, and what is said of its cells is not lost', () => {
  const text = FROM_FILE.replace(
    'metrics:',
    'conditions: [default, training, { name: copied, system: { pool: copy.jsonl } }]\nmetrics:',
  );
  const conditions = coded(expand(specOf(text), withPool(text)).plan).cells.map(({ condition }) => condition);
  expect(new Set(conditions)).toEqual(new Set(['default', 'copied']));
  const claiming = `${text}expect: [{ cells: coded/weather/training, statistic: mean, metric: alignment, at_least: 1 }]\n`;
  expect(() => expand(specOf(claiming), withPool(claiming))).toThrow(
    /no cell `coded\/weather\/training`.*name `coded\/weather\/copied`/,
  );
});

describe('refused, with the place', () => {
  test.each<[string, string, RegExp, RegExp]>([
    ['an empty pool', '{ pool: [] }', /the list must have at least 1 entry/, /pool: \[\]/],
    ['an empty prompt', '{ pool: ["x", " "] }', /a prompt must not be empty/, /pool/],
    ['the same prompt twice', '{ pool: ["x", "y", "x"] }', /the same prompt as number 1 of the pool/, /pool/],
    ['a text and a pool', '{ pool: ["x"], text: "y" }', /give exactly one of `text`, `pool`/, /pool/],
    ['settings of a pool without one', '{ text: "y", seed: 1 }', /`seed` goes with `pool` only/, /seed: 1/],
    [
      'a download without a pin',
      '{ pool: "https://example.org/pool.jsonl" }',
      /a download is pinned by `sha256`/,
      /https/,
    ],
    ['no key', '{ where: { loud: true } }', /unknown key `where`|one of `text`, `pool` is needed/, /where/],
    [
      'nothing put into some rows',
      'default, rows: { where: { loud: true } }',
      /nothing is put into these rows/,
      /rows/,
    ],
    ['no words for some rows', 'none, rows: { where: { loud: true } }', /`none` goes for all rows/, /none/],
    ['rows of no kind', '{ text: "y" }, rows: { where: {} }', /say which rows/, /where: \{\}/],
    [
      'a part without a mix',
      '{ text: "y" }, rows: { where: { part: bad } }',
      /^`birds` is no mix, so its rows have no parts$/,
      /part: bad/,
    ],
    [
      'a part of a part’s name',
      '{ text: "y" }, rows: { where: { part: { contains: bad } } }',
      /a part of a mix is named whole/,
      /contains: bad/,
    ],
    ['a part of nothing', '{ text: "y" }, rows: { where: { source: { contains: "" } } }', /where|empty/, /contains/],
  ])('%s', (_, prompt, message, line) => {
    const [problem] = problemsOf(withPrompt(prompt));
    expect(problem?.message).toMatch(message);
    expect(problem?.sourceLine).toMatch(line);
  });

  const expanding = (prompt: string, rest: string): (() => Plan) => {
    const text = withPrompt(prompt, rest);
    return () => expand(specOf(text), { ...withPool(text), datasets: { birds: loud() } }).plan;
  };
  test.each<[string, string, RegExp]>([
    ['a value that no row has', 'rows: { where: { loud: "yes" } }', /fits no training row of `birds`/],
    ['a key that no row has', 'rows: { where: { quiet: true } }', /no training row of `birds` has a key `quiet`/],
    ['a text that is in none', 'rows: { where: { loud: { contains: "tr" } } }', /fits no training row of `birds`/],
    ['every row', 'rows: { where: { loud: [true, false] } }', /fits every training row/],
  ])('%s', (_, rest, message) => {
    expect(expanding('{ text: "y" }', `, ${rest}`)).toThrow(message);
  });

  test('a pool that is too small', () => {
    expect(expanding('{ pool: p.jsonl, repeat: forbid }', '')).toThrow(/12 prompts for 36 rows/);
  });

  test('two conditions with the same pool in two files', () => {
    const text = FROM_FILE.replace(
      'metrics:',
      'conditions: [default, training, { name: copied, system: { pool: copy.jsonl } }]\nmetrics:',
    );
    const twice = text.replace('training, ', '{ name: first, system: { pool: prompts/pool.jsonl } }, ');
    expect(() => expand(specOf(twice), withPool(twice))).toThrow(/`copied` says the same as `first`: their pools/);
    const reseeded = text.replace('pool: copy.jsonl', 'pool: copy.jsonl, seed: 1');
    expect(() => expand(specOf(reseeded), withPool(reseeded))).not.toThrow();
  });
});
