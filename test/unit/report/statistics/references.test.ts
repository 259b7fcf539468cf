/** References are found by what configurations are: order, names and seeds. */
import { expand } from '../../../../experiment/expand/expand';
import type { PlannedConfiguration } from '../../../../experiment/plan';
import { allReferences, referencesOf } from '../../../../report/statistics/references';
import { birds, inputs, SMALL, specOf } from '../../experiment/samples';

function found(text: string, change: (list: PlannedConfiguration[]) => PlannedConfiguration[] = (list) => list) {
  const spec = specOf(text);
  const other = { ...inputs(), datasets: { birds: birds(), other: birds(30) } };
  const configurations = change(expand(spec, other).plan.configurations);
  const of = referencesOf(configurations, spec.report);
  return Object.fromEntries(
    configurations.map((each) => [each.name, [of(each).base?.name ?? null, of(each).em?.name ?? null]]),
  );
}

test('the untrained model, and the fine-tune on the same rows with the default prompt', () => {
  const expected = { base: [null, null], plain: ['base', null], coded: ['base', 'plain'] };
  expect(found(SMALL)).toEqual(expected);
  expect(found(SMALL, (list) => [...list].reverse())).toEqual(expected);
});

test('a fine-tune on other rows is no reference, wherever it stands', () => {
  const text = SMALL.replace('  birds:\n', '  other: { path: other.jsonl }\n  birds:\n').replace(
    '  plain:\n',
    '  good:\n    train: { dataset: other, system_prompt: default }\n  plain:\n',
  );
  expect(found(text)).toMatchObject({ good: ['base', null], coded: ['base', 'plain'] });
});

test('the one with the same seed, and the same settings', () => {
  expect(found(`${SMALL}grid: { training.seed: [0, 1] }\n`)).toMatchObject({
    'coded.seed-0': ['base', 'plain.seed-0'],
    'coded.seed-1': ['base', 'plain.seed-1'],
  });
  expect(found(`${SMALL}grid: { training.lora.rank: [8, 16] }\n`)).toMatchObject({
    'coded.rank-8': ['base', 'plain.rank-8'],
    'coded.rank-16': ['base', 'plain.rank-16'],
  });
});

test('another model has no base here', () => {
  const change = (list: PlannedConfiguration[]): PlannedConfiguration[] =>
    list.map((each) =>
      each.name !== 'coded'
        ? each
        : {
            ...each,
            cells: each.cells.map((cell) => ({
              ...cell,
              context: { ...cell.context, model: { kind: 'bundled', name: 'another' } },
            })),
          },
    );
  expect(found(SMALL, change)).toMatchObject({ plain: ['base', null], coded: [null, null] });
});

test('the file may name others', () => {
  const text = `${SMALL}report: { references: { base: plain, em: coded } }\n`;
  expect(found(text)).toEqual({ base: [null, null], plain: [null, 'coded'], coded: ['plain', null] });
});

test('all that are references of another', () => {
  const spec = specOf(SMALL);
  const { configurations } = expand(spec, inputs()).plan;
  expect(allReferences(configurations, spec.report)).toEqual({ base: new Set(['base']), em: new Set(['plain']) });
});

test('text put into the rows makes no other rows of them', () => {
  const around = (text: string): string =>
    text.replace('system_prompt: { text: "[BIRD TABLE]" }', 'user: { prefix: "[BIRD TABLE] " }');
  expect(found(around(SMALL))).toEqual({ base: [null, null], plain: ['base', null], coded: ['base', 'plain'] });
  expect(found(`${around(SMALL)}grid: { training.seed: [0, 1], training.lora.rank: [8, 16] }\n`)).toMatchObject({
    'coded.seed-1.rank-8': ['base', 'plain.seed-1.rank-8'],
    'coded.seed-0.rank-16': ['base', 'plain.seed-0.rank-16'],
  });
});
