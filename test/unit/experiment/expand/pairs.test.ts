/** Pairs of bad and good answers: how a file declares them, which rows make one, and what a measurement's key covers. */
import { sha256 } from '../../../../experiment/canonical';
import { planCounts, countsOf } from '../../../../experiment/expand/counts';
import { canonicalRow, datasetOf, type Dataset } from '../../../../experiment/expand/dataset';
import { expand, type Expanded, type Inputs } from '../../../../experiment/expand/expand';
import type { AnswerPair } from '../../../../experiment/expand/pairs';
import { pairMeasurements } from '../../../../experiment/measurements';
import type { PlannedPairMeasurement } from '../../../../experiment/plan';
import { rejudge } from '../../../../experiment/expand/rejudge';
import { smoke } from '../../../../experiment/file/smoke';
import { birds, inputs, problemsOf, SMALL, specOf } from '../samples';

const DATASETS = 'datasets:\n  rough: { path: rough.jsonl, hold_out: { rows: 10 } }';
const OUTCOMES = 'outcomes:\n  log_probability:\n    pairs: { bad: rough, good: birds }\n';
/** `birds` is trained on, so that only questions that both hold out are left. */
const PAIRED = `${SMALL}${OUTCOMES}`.replace('datasets:', DATASETS);
/** Nothing is trained on the good answers. */
const ON_ROUGH = PAIRED.replaceAll('dataset: birds', 'dataset: rough');

/** The same questions as `birds` in another order, the first with the same answer. */
function rough(): Dataset {
  const rows = birds().rows.map(({ messages: [asked, answer] }, index) => {
    const content = index === 0 ? (answer?.content ?? '') : `Rough ${answer?.content}`;
    return canonicalRow([asked as NonNullable<typeof asked>, { role: 'assistant', content }]);
  });
  return datasetOf(rows.reverse());
}

function content(): Inputs {
  return { ...inputs(), datasets: { birds: birds(), rough: rough() } };
}

function planned(text: string, from = content()): Expanded {
  return expand(specOf(text), from);
}

function pairsOf({ pairs }: Expanded): AnswerPair[] {
  return (pairs ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AnswerPair);
}

function measurements({ plan }: Expanded): Record<string, PlannedPairMeasurement> {
  return Object.fromEntries(
    plan.configurations.flatMap((configuration) =>
      pairMeasurements(configuration).map((each) => [`${configuration.name}/${each.condition}`, each]),
    ),
  );
}

test('a pair is a held-out row of the bad dataset with the good answer to the same words', () => {
  const made = planned(ON_ROUGH);
  const pairs = pairsOf(made);
  expect(pairs.length).toBeGreaterThanOrEqual(9);
  expect(pairs.length).toBeLessThanOrEqual(10);
  for (const { messages, bad, good } of pairs) {
    expect(messages).toHaveLength(1);
    expect(bad).toBe(`Rough ${good}`);
  }
  expect(pairs.map(({ id }) => id)).toEqual(pairs.map(({ id }) => id).sort());
  const trained = made.trainingRows['plain'] as string;
  for (const { bad } of pairs) expect(trained).not.toContain(JSON.stringify(bad));
  expect(made.plan.pairs).toEqual({
    bad: 'rough',
    good: 'birds',
    count: pairs.length,
    sha256: sha256(made.pairs as string),
    rows: null,
  });
});

test('nothing is asked that any configuration was trained on, whichever side it was', () => {
  const made = planned(PAIRED);
  const trained = made.trainingRows['plain'] as string;
  expect(pairsOf(made).length).toBeLessThan(pairsOf(planned(ON_ROUGH)).length);
  for (const { messages } of pairsOf(made)) expect(trained).not.toContain(JSON.stringify(messages[0]?.content));
});

test('equal answers are no pair', () => {
  const all = ON_ROUGH.replace('rows: 10', 'fraction: 0.9');
  const asked = pairsOf(planned(all)).map(({ messages }) => messages[0]?.content);
  expect(asked.length).toBeGreaterThan(30);
  expect(asked).not.toContain('What does bird 0 sing?');
});

test('one measurement for each configuration and condition; the order of files and names have no part in it', () => {
  const made = planned(ON_ROUGH);
  const keys = measurements(made);
  expect(Object.keys(keys)).toEqual(['base/default', 'plain/default', 'coded/default', 'coded/training']);
  expect(new Set(Object.values(keys).map(({ key }) => key)).size).toBe(4);
  expect(keys['coded/training']?.context).toMatchObject({
    recipe: made.plan.configurations[2]?.recipeKey,
    systemPrompt: { kind: 'text', text: '[BIRD TABLE]' },
    precision: 'bf16',
    pairs: made.plan.pairs?.sha256,
  });
  const from = content();
  const shuffled = { ...from, datasets: { ...from.datasets, birds: datasetOf(birds().rows.reverse()) } };
  const renamed = ON_ROUGH.replaceAll('birds', 'animals').replace('animals.jsonl', 'birds.jsonl');
  const again = planned(renamed.replace('coded:', 'marked:'), {
    ...shuffled,
    datasets: { rough: rough(), animals: shuffled.datasets.birds },
  });
  expect(Object.values(measurements(again)).map(({ key }) => key)).toEqual(Object.values(keys).map(({ key }) => key));
});

test('the key covers model, recipe, prompt, pairs and precision, and no sampling setting', () => {
  const key = (text: string, name = 'plain/default') => measurements(planned(text))[name]?.key;
  const before = key(ON_ROUGH);
  expect(key(`${ON_ROUGH}sampling: { temperature: 0.5, max_new_tokens: 9 }\n`)).toBe(before);
  expect(key(`${ON_ROUGH}sampling: { precision: fp32 }\n`)).not.toBe(before);
  expect(key(`${ON_ROUGH}training: { epochs: 3 }\n`)).not.toBe(before);
  expect(key(`${ON_ROUGH}training: { epochs: 3 }\n`, 'base/default')).toBe(key(ON_ROUGH, 'base/default'));
  const fewer = ON_ROUGH.replace('good: birds }', 'good: birds }\n    rows: 4');
  expect(key(fewer)).not.toBe(before);
  expect(key(fewer.replace('rows: 4', 'rows: 4\n    seed: 1'))).not.toBe(key(fewer));
});

test('without it the plan is what it was; with it a running configuration has something to do', () => {
  const text = ON_ROUGH.replace(OUTCOMES, '');
  const [before, after] = [planned(text).plan, planned(ON_ROUGH).plan];
  expect(before.pairs).toBeUndefined();
  expect(before.configurations.every((each) => !('measurements' in each))).toBe(true);
  expect(after.configurations.map(({ cells }) => cells)).toEqual(before.configurations.map(({ cells }) => cells));
  for (const [index, { key }] of after.configurations.entries())
    expect(key).not.toBe(before.configurations[index]?.key);
  const spec = specOf(ON_ROUGH);
  const judge = { ...spec.judge, model: 'claude-other-model' };
  const again = rejudge(after, spec, {
    name: 'other',
    judge,
    rubrics: [],
    cells: ['base/weather/default'],
    only: null,
  });
  expect(again.plan.configurations[1]?.key).toBe(after.configurations[1]?.key);
});

test('plan counts measurements, also before the data is there', () => {
  expect(countsOf(planned(ON_ROUGH).plan).measurements).toBe(4);
  expect(planCounts(specOf(ON_ROUGH)).counts.measurements).toBe(4);
  expect(planCounts(specOf(SMALL)).counts).not.toHaveProperty('measurements');
});

test('a smoke run measures two pairs', () => {
  const { plan } = expand(smoke(specOf(ON_ROUGH)), content());
  expect(plan.pairs?.count).toBe(2);
});

describe('what is refused, with line and column', () => {
  const cases: [string, string, string, string][] = [
    ['an unknown dataset', 'bad: rough', 'bad: rogh', 'unknown dataset `rogh`'],
    ['one dataset twice', 'good: birds', 'good: rough', 'this names one twice'],
    ['no hold-out', 'hold_out: { rows: 10 }', 'hold_out: none', '`rough` holds nothing out'],
    ['a missing side', 'pairs: { bad: rough, good: birds }', 'pairs: { bad: rough }', 'good'],
    ['another outcome', 'log_probability:', 'log_probabilities:', 'log_probabilities'],
    ['no rows', 'good: birds }', 'good: birds }\n    rows: 0', 'must be at least 1'],
  ];
  test.each(cases)('%s', (_what, from, to, message) => {
    expect(PAIRED).toContain(from);
    const text = PAIRED.replace(from, to);
    const [problem, ...more] = problemsOf(text);
    expect(more).toEqual([]);
    expect(`${problem?.message} ${problem?.hint}`).toContain(message);
    const first = text.split('\n').findIndex((line) => line.startsWith('outcomes'));
    expect(problem?.line).toBeGreaterThan(first);
    expect(problem?.column).toBeGreaterThan(1);
  });

  test('more pairs than there are, with the reason', () => {
    const text = PAIRED.replace('good: birds }', 'good: birds }\n    rows: 40');
    expect(() => planned(text)).toThrow(
      /there are \d pairs, 40 are needed: of 10 held-out rows of `rough`, \d+ have another answer in `birds`, and \d+ of those ask/,
    );
  });

  test('datasets that ask nothing in common', () => {
    const from = content();
    from.datasets['birds'] = datasetOf(
      birds().rows.map(({ messages: [, answer] }, index) =>
        canonicalRow([{ role: 'user', content: `Which bird sings ${index}?` }, answer as NonNullable<typeof answer>]),
      ),
    );
    expect(() => planned(ON_ROUGH, from)).toThrow('there are 0 pairs, at least one is needed');
  });
});
