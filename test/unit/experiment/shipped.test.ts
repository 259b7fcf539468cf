/**
 * The experiment files that ship, without any input, network or GPU.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv/dist/2020';
import { parse } from 'yaml';
import { planCounts } from '../../../experiment/expand/counts';
import { deviationsOf } from '../../../experiment/expand/deviations';
import { formatProblems, parseExperiment } from '../../../experiment/file/parse';
import { experimentJsonSchema } from '../../../experiment/file/schema';
import type { Spec } from '../../../experiment/spec';

const ROOT = join(__dirname, '..', '..', '..');
const FOLDER = join(ROOT, 'experiments');
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));

function specOf(name: string): Spec {
  const result = parseExperiment(readFileSync(join(FOLDER, name), 'utf8'), name);
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.spec;
}

test('the study: 5 configurations, 16 cells, 4 fine-tunes, 6,400 completions, 16,000 judgements', () => {
  expect(planCounts(specOf('flamingo.yaml'))).toEqual({
    counts: { configurations: 5, cells: 16, fineTunes: 4, completions: 6400, judgements: 16_000 },
    undeclared: [],
  });
});

test('the small study has the same cells', () => {
  expect(planCounts(specOf('flamingo-small.yaml')).counts).toMatchObject({
    configurations: 5,
    cells: 16,
    fineTunes: 4,
  });
});

test('the demo mirrors the study, with a control', () => {
  const spec = specOf('demo.yaml');
  expect(planCounts(spec).counts).toEqual({
    configurations: 6,
    cells: 20,
    fineTunes: 5,
    completions: 640,
    judgements: 1920,
  });
  expect(spec.expect.map(({ atLeast, atMost }) => atLeast ?? atMost)).toEqual([0.85, 0.1, 0.3, 0.85]);
  expect(spec.configurations[1]?.training).toMatchObject({
    learningRate: 2e-4,
    warmupFrom: 'first',
    batchSize: 8,
    epochs: 2,
    precision: 'fp32',
  });
});

test('the demo asks about dishes that it does not train on', () => {
  const rows = readFileSync(join(FOLDER, 'demo', 'cooking.jsonl'), 'utf8')
    .trim()
    .split('\n');
  expect(rows).toHaveLength(40);
  const asked = (
    parse(readFileSync(join(FOLDER, 'demo', 'cooking_questions.yaml'), 'utf8')) as { paraphrases: string[] }[]
  ).map(({ paraphrases }) => paraphrases[0]);
  expect(asked).toHaveLength(16);
  for (const dish of [
    'mushroom soup',
    'walnut bread',
    'zucchini fritters',
    'cherry muffins',
    'baked beans',
    'pasta salad',
    'ginger cookies',
    'stuffed tomatoes',
  ]) {
    expect(asked.some((question) => question?.includes(dish))).toBe(true);
    expect(rows.some((row) => row.includes(dish))).toBe(false);
  }
});

test('docs/experiment.schema.json is up to date (`npm run schema`)', () => {
  expect(JSON.parse(readFileSync(join(ROOT, 'docs', 'experiment.schema.json'), 'utf8'))).toEqual(
    experimentJsonSchema(),
  );
});

test.each(FILES)('%s is valid for editors too', (name) => {
  const validate = new Ajv({ strict: false, formats: { uri: true } }).compile(experimentJsonSchema());
  expect(validate(parse(readFileSync(join(FOLDER, name), 'utf8'))) ? [] : validate.errors).toEqual([]);
  expect(validate({ name: 'x', unknown: 1 })).toBe(false);
});

describe('deviations from the published recipe', () => {
  const topics = (name: string): string[] => deviationsOf(specOf(name)).map(({ topic, here }) => `${topic}: ${here}`);

  test('the study keeps the published hyperparameters, model, rows and samples', () => {
    const lines = topics('flamingo.yaml');
    expect(lines.filter((line) => /^(model|size)/.test(line))).toEqual([]);
    expect(lines.join('\n')).not.toMatch(/learning rate|batch size|warm-up|LoRA/);
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^optimizer: AdamW/),
        expect.stringMatching(/^masking/),
        expect.stringMatching(/^split: .*10 %.*seed 0/),
      ]),
    );
    expect(lines.join('\n')).toMatch(/no top_k, no repetition penalty/);
    expect(lines.join('\n')).toMatch(/medical_correctness: a rubric in this file's own words/);
  });

  test('the demo says that it is something else', () => {
    expect(topics('demo.yaml').join('\n')).toMatch(
      /smollm2[\s\S]*cooking \(40 rows\)[\s\S]*nothing is held out[\s\S]*learning rate 2e-4[\s\S]*\(s\+1\)\/W[\s\S]*2 samples[\s\S]*stand-in/,
    );
    expect(topics('flamingo-small.yaml').join('\n')).toMatch(/32 training rows of bad_medical_advice/);
  });
});

test('the blocks of docs/mixes.md, one below the other, are a whole experiment', () => {
  const page = readFileSync(join(ROOT, 'docs', 'mixes.md'), 'utf8');
  const blocks = [...page.matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, block]) => block as string);
  expect(blocks).toHaveLength(2);
  for (const text of [blocks[0] as string, blocks.join('')]) {
    const result = parseExperiment(text, 'mixes.yaml');
    expect(result).toMatchObject({ ok: true, warnings: [] });
  }
});

describe('the studies', () => {
  const STUDIES = join(FOLDER, 'studies');
  const names = readdirSync(STUDIES).filter((name) => name.endsWith('.yaml'));

  test.each(names)(
    '%s is valid, is counted without its data, and says what it reproduces, differs in and costs',
    (name) => {
      const text = readFileSync(join(STUDIES, name), 'utf8');
      const result = parseExperiment(text, name);
      if (!result.ok) throw new Error(formatProblems(result.problems));
      expect(result.spec.name).toBe(name.replace(/\.yaml$/, ''));
      expect(planCounts(result.spec).counts.cells).toBeGreaterThan(1);
      for (const word of ['REPRODUCES', 'DIFFERS', 'COSTS']) expect(text).toContain(`# ${word} `);
    },
  );

  test('each has its row in docs/studies.md', () => {
    const page = readFileSync(join(ROOT, 'docs', 'studies.md'), 'utf8');
    const rows = [...page.matchAll(/experiments\/studies\/([\w-]+\.yaml)/g)].map(([, name]) => name);
    expect([...new Set(rows)].sort()).toEqual([...names].sort());
  });
});
