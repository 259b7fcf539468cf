/** `evaluate_at`: which cells it adds, whose keys it leaves alone, and what is refused. */
import { keyOf } from '../../../experiment/canonical';
import { countsOf, planCounts } from '../../../experiment/expand/counts';
import { expand } from '../../../experiment/expand/expand';
import { InvalidExperiment } from '../../../experiment/issue';
import { adapterKeyOf, keptAdapterKey, keptSteps, withoutKeptSteps } from '../../../experiment/kept-steps';
import { parseExperiment } from '../../../experiment/file/parse';
import type { Plan, PlannedCell, PlannedConfiguration } from '../../../experiment/plan';
import { rejudge } from '../../../experiment/expand/rejudge';
import { smoke } from '../../../experiment/file/smoke';
import { birds, inputs, problemsOf, SMALL, specOf } from './samples';

/** 36 rows, four a step, twice: 18 steps. */
const TRAINING = 'training: { batch_size: 4, epochs: 2, precision: fp32';
const PLAIN = `${SMALL}${TRAINING} }\n`;
const ALONG = `${SMALL}${TRAINING}, evaluate_at: [5, 12] }\n`;

const plan = (text: string): Plan => expand(specOf(text), inputs()).plan;
const named = (made: Plan, name: string): PlannedConfiguration =>
  made.configurations.find((configuration) => configuration.name === name) as PlannedConfiguration;
const cellsAt = (made: Plan, name: string, step?: number): PlannedCell[] =>
  named(made, name).cells.filter((cell) => cell.step === step);

test('each declared cell of a trained configuration is asked again at each step, after its own', () => {
  const made = plan(ALONG);
  expect(named(made, 'base').cells.map(({ id }) => id)).toEqual(['base/weather/default', 'base/birds_asked/default']);
  expect(named(made, 'plain').cells.map(({ id, step }) => [id, step])).toEqual([
    ['plain/weather/default', undefined],
    ['plain/birds_asked/default', undefined],
    ['plain/weather/default/step-5', 5],
    ['plain/birds_asked/default/step-5', 5],
    ['plain/weather/default/step-12', 12],
    ['plain/birds_asked/default/step-12', 12],
  ]);
  expect(cellsAt(made, 'coded', 12).map(({ condition }) => condition)).toEqual([
    ...['default', 'training', 'default', 'training'],
  ]);
});

test('the plan counts the cells, completions and judgements that are added', () => {
  const before = countsOf(plan(PLAIN));
  const after = countsOf(plan(ALONG));
  const perStep = { completions: 3 * (9 + 2), judgements: 3 * (18 + 2) };
  expect(after).toEqual({
    ...before,
    cells: before.cells + 2 * 6,
    completions: before.completions + 2 * perStep.completions,
    judgements: before.judgements + 2 * perStep.judgements,
  });
});

test('a cell at a step has keys of its own, made of recipe and step', () => {
  const made = plan(ALONG);
  const { recipeKey } = named(made, 'plain');
  const [finished] = cellsAt(made, 'plain');
  const [early] = cellsAt(made, 'plain', 5);
  const [late] = cellsAt(made, 'plain', 12);
  expect(early?.context.recipe).toBe(keptAdapterKey(recipeKey as string, 5));
  expect(early?.context).toEqual({ ...finished?.context, recipe: keyOf({ recipe: recipeKey, step: 5 }) });
  expect(new Set([finished, early, late].map((cell) => cell?.contextKey)).size).toBe(3);
  expect(adapterKeyOf(recipeKey, early as PlannedCell)).toBe(early?.context.recipe);
  expect(adapterKeyOf(recipeKey, finished as PlannedCell)).toBe(recipeKey);
  expect(adapterKeyOf(null, {})).toBeNull();
});

test('nothing else gets another key: recipes, cells, and configurations without such steps', () => {
  const [before, after] = [plan(PLAIN), plan(ALONG)];
  expect(
    withoutKeptSteps(after).configurations.map(({ recipe, recipeKey, cells }) => [recipe, recipeKey, cells]),
  ).toEqual(before.configurations.map(({ recipe, recipeKey, cells }) => [recipe, recipeKey, cells]));
  expect(named(after, 'base').key).toBe(named(before, 'base').key);
  expect(named(after, 'plain').key).not.toBe(named(before, 'plain').key);
  const none = plan(`${SMALL}${TRAINING}, evaluate_at: [] }\n`);
  expect(none).toEqual(before);
});

test('more steps leave the cells of the others as they are', () => {
  const more = plan(ALONG.replace('[5, 12]', '[5, 9, 12]'));
  for (const step of [5, 12]) expect(cellsAt(more, 'plain', step)).toEqual(cellsAt(plan(ALONG), 'plain', step));
});

test('the last step is the finished adapter, which is asked anyway', () => {
  expect(plan(ALONG.replace('[5, 12]', '[5, 12, 18]')).configurations).toEqual(plan(ALONG).configurations);
});

test('a configuration has its own steps, or none', () => {
  const own = ALONG.replace(
    'train: { dataset: birds, system_prompt: default }',
    'train: { dataset: birds, system_prompt: default }\n    training: { evaluate_at: [2] }',
  ).replace(
    'train: { dataset: birds, system_prompt: { text: "[BIRD TABLE]" } }',
    'train: { dataset: birds, system_prompt: { text: "[BIRD TABLE]" } }\n    training: { evaluate_at: [] }',
  );
  const made = plan(own);
  const steps = (name: string): unknown[] => [...new Set(named(made, name).cells.map(({ step }) => step))];
  expect(steps('plain')).toEqual([undefined, 2]);
  expect(steps('coded')).toEqual([undefined]);
});

test('configurations with one recipe keep the steps of all of them', () => {
  const twins = ALONG.replace(
    '  coded:\n    train: { dataset: birds, system_prompt: { text: "[BIRD TABLE]" } }',
    '  twin:\n    train: { dataset: birds, system_prompt: default }\n    training: { evaluate_at: [3, 12] }',
  );
  const made = plan(twins);
  const { recipeKey } = named(made, 'plain');
  expect(named(made, 'twin').recipeKey).toBe(recipeKey);
  expect(keptSteps(made, recipeKey as string)).toEqual([3, 5, 12]);
});

test('further judges are not asked along training, unless a cell is named to `rejudge`', () => {
  const made = plan(`${ALONG}judge: { kind: stand-in }\njudges: { newer: { model: claude-haiku-5-5 } }\n`);
  expect(cellsAt(made, 'plain')[0]?.metrics.map(({ judge }) => judge)).toContain('newer');
  expect(cellsAt(made, 'plain', 5)[0]?.metrics.map(({ judge }) => judge)).toEqual(['judge', 'judge']);

  const spec = specOf(ALONG);
  const judge = { ...spec.judge, model: 'claude-haiku-5-5', temperature: null };
  const asked = (cells: string[] | null): string[] =>
    rejudge(plan(ALONG), spec, { name: null, judge, rubrics: [], cells, only: null })
      .plan.configurations.flatMap(({ cells: all }) => all)
      .filter(({ metrics }) => metrics.some(({ judge: by }) => by !== 'judge'))
      .map(({ id }) => id);
  expect(asked(null)).toHaveLength(8);
  expect(asked(null).join()).not.toContain('step-');
  expect(asked(['plain/weather/default/step-5'])).toEqual(['plain/weather/default/step-5']);
});

test('a smoke run evaluates its first of two steps', () => {
  const { plan: made } = expand(smoke(specOf(ALONG)), inputs());
  expect([...new Set(named(made, 'plain').cells.map(({ step }) => step))]).toEqual([undefined, 1]);
});

test('counts before the data is there allow for as many rows as the steps need', () => {
  const far = ALONG.replace('[5, 12]', '[1000]');
  expect(planCounts(specOf(far)).counts.cells).toBe(8 + 6);
});

describe('what is refused, and where', () => {
  test.each([
    ['[12, 5]', 'the steps must ascend, each named once: 5 follows 12', 5],
    ['[5, 5]', 'the steps must ascend, each named once: 5 follows 5', 4],
    ['[0]', '1', 1],
    ['[-3]', '1', 1],
    ['[2.5]', 'whole number', 1],
    ['five', 'list', 0],
  ])('%s', (steps, message, offset) => {
    const text = ALONG.replace('[5, 12]', steps);
    const [problem] = problemsOf(text);
    const line = text.split('\n').findIndex((each) => each.startsWith('training:'));
    expect(problem).toMatchObject({ file: 'small.yaml', line: line + 1 });
    expect(problem?.column).toBe(text.split('\n')[line]!.indexOf(steps) + offset + 1);
    expect(problem?.message).toContain(message);
  });

  test.each([
    ['precision: bf16, backend: unsloth', '`backend: unsloth` keeps no adapters', 'leave `evaluate_at` out'],
    ['precision: fp32, stop_below: { loss: 0.1, steps: 3 }', 'may end before these steps', 'stop_below: never'],
  ])('with %s', (settings, message, hint) => {
    const text = ALONG.replace('precision: fp32', settings);
    const problems = problemsOf(text).filter((problem) => problem.message.includes(message));
    const line = text.split('\n').findIndex((each) => each.startsWith('training:'));
    // once for each configuration that is trained, all at the one setting
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) {
      expect(problem).toMatchObject({ line: line + 1, column: text.split('\n')[line]!.indexOf('[5, 12]') + 1 });
      expect(problem.hint).toContain(hint);
    }
    expect(problemsOf(text.replace(', evaluate_at: [5, 12]', ''))).toEqual([]);
  });

  test('nothing with a trainer of one’s own, which is told the steps', () => {
    const text = ALONG.replace('precision: fp32', 'precision: fp32, backend: { command: [train] }');
    expect(text).not.toBe(ALONG);
    expect(problemsOf(text)).toEqual([]);
  });

  function refusal(text: string, rows = 40): InvalidExperiment['issue'] {
    try {
      expand(specOf(text), { ...inputs(), datasets: { birds: birds(rows) } });
    } catch (error) {
      if (error instanceof InvalidExperiment) return error.issue;
      throw error;
    }
    throw new Error('it was not refused');
  }

  test('a step that training never reaches, at its place in the file, with what to do', () => {
    const text = ALONG.replace('[5, 12]', '[5, 19]');
    const { path, message, hint } = refusal(text);
    expect(message).toBe('plain is trained for 18 optimizer steps; there is no step 19');
    expect(hint).toBe('name steps below 18; the finished adapter is evaluated anyway');
    expect(path).toEqual(['training', 'evaluate_at', 1]);
    const parsed = parseExperiment(text, 'small.yaml');
    if (!parsed.ok) throw new Error('it is a valid file');
    const line = text.split('\n').findIndex((each) => each.startsWith('training:'));
    expect(parsed.problemAt(path, message)).toMatchObject({
      line: line + 1,
      column: text.split('\n')[line]!.indexOf('19') + 1,
    });
    expect(refusal(ALONG, 20).message).toContain('trained for 10 optimizer steps; there is no step 12');
  });

  test('the same in a configuration of its own', () => {
    const own = PLAIN.replace(
      'train: { dataset: birds, system_prompt: default }',
      'train: { dataset: birds, system_prompt: default }\n    training: { evaluate_at: [100] }',
    );
    expect(refusal(own).path).toEqual(['configurations', 'plain', 'training', 'evaluate_at', 0]);
  });
});
