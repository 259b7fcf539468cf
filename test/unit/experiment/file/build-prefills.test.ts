/** Answers that begin with given words: what the file comes to, what enters keys, and what is refused at which place. */
import { expand } from '../../../../experiment/expand/expand';
import type { Plan, PlannedCell } from '../../../../experiment/plan';
import { inputs, problemsOf, SMALL, specOf } from '../samples';

const BEGUN = '{ name: begun, prefill: "Well, " }';
const begin = (list: string, text = SMALL): string => text.replace('metrics:', `conditions: ${list}\nmetrics:`);
const plan = (text: string): Plan => expand(specOf(text), inputs()).plan;
const cellsOf = ({ configurations }: Plan): PlannedCell[] => configurations.flatMap(({ cells }) => cells);
const places = (text: string): string[] =>
  problemsOf(text).map(({ line, column, message }) => `${line}:${column} ${message}`);

test('they are part of the answers’ keys under their condition, and of no other key', () => {
  const [without, made] = [plan(begin('[default, training]')), plan(begin(`[default, training, ${BEGUN}]`))];
  const cells = cellsOf(made);
  const others = cells.filter(({ condition }) => condition !== 'begun');
  expect(others).toEqual(cellsOf(without));
  expect(made.instruments).toEqual(without.instruments);
  expect(made.configurations.map(({ recipeKey }) => recipeKey)).toEqual(
    without.configurations.map(({ recipeKey }) => recipeKey),
  );
  const begun = cells.filter(({ condition }) => condition === 'begun');
  expect(begun).toHaveLength(6);
  for (const { configuration, questionSet, context, contextKey, completions, judgements } of begun) {
    const plain = others.find(
      (cell) =>
        cell.configuration === configuration && cell.questionSet === questionSet && cell.condition === 'default',
    );
    expect(context).toEqual({ ...plain?.context, prefill: 'Well, ' });
    expect(contextKey).not.toBe(plain?.contextKey);
    expect({ completions, judgements }).toEqual({
      completions: plain?.completions,
      judgements: plain?.judgements,
    });
  }
});

test('every character counts', () => {
  const keys = ['Well,', 'Well, ', 'well, '].map(
    (words) => cellsOf(plan(begin(`[{ name: begun, prefill: "${words}" }]`)))[0]?.contextKey,
  );
  expect(new Set(keys).size).toBe(3);
});

test('a name of a condition is in no key', () => {
  const keys = ['one', 'another'].map(
    (name) => cellsOf(plan(begin(`[{ name: ${name}, prefill: "Well," }]`)))[0]?.contextKey,
  );
  expect(keys[1]).toBe(keys[0]);
});

const HUB = SMALL.replace('{ bundled: smollm2-135m-instruct }', `{ hub: org/thinks, revision: ${'a'.repeat(40)} }`);

test('no answer begins with given words where the model thinks first', () => {
  expect(places(`${begin(`[default, ${BEGUN}]`, HUB)}sampling: { thinking: on }\n`)).toEqual([
    expect.stringMatching(/^27:23 `base` thinks before it answers, so the condition `begun` can not begin its answer/),
  ]);
  const ofSet = HUB.replace('rows: 2\n', `rows: 2\n    conditions: [${BEGUN}]\n`).replace(
    'base: { train: none }',
    'base: { train: none, sampling: { thinking: on } }',
  );
  expect(places(ofSet)).toEqual([expect.stringMatching(/^16:46 `base` thinks before it answers/)]);
  const [problem] = problemsOf(ofSet);
  // the set's conditions go before the configuration's, which would not help
  const set = /take `begun` out of `question_sets\.(\w+)\.conditions`, which go before the configuration’s own/.exec(
    problem?.hint ?? '',
  )?.[1];
  expect(specOf(SMALL).questionSets).toHaveProperty([set as string]);
  expect(places(ofSet.replace(BEGUN, 'default'))).toEqual([]);
  // one that does not think may be asked so beside others that do
  const apart = begin(`[default, ${BEGUN}]`, HUB).replace(
    'base: { train: none }',
    'base: { train: none, sampling: { thinking: on }, conditions: [default] }',
  );
  expect(places(apart)).toEqual([]);
});

test('nothing is measured of whole answers under words that begin another', () => {
  const measured = `${SMALL}outcomes: { log_probability: { pairs: { bad: birds, good: others }, rows: 2 } }\n`.replace(
    'question_sets:',
    '  others: { path: others.jsonl }\nquestion_sets:',
  );
  expect(places(measured)).toEqual([]);
  expect(places(begin(`[default, ${BEGUN}]`, measured))).toEqual([
    expect.stringMatching(/^28:30 `base` would be measured under the condition `begun`/),
  ]);
  const ofSet = measured.replace('rows: 2\n', `rows: 2\n    conditions: [default, ${BEGUN}]\n`);
  expect(places(ofSet)).toEqual([]);
});

test('nor how the model begins an answer that is begun for it', () => {
  const measured = `${SMALL}outcomes: { answer_probability: { bird: { question_set: weather, words: [owl] } } }\n`;
  expect(places(measured)).toEqual([]);
  expect(places(begin(`[default, ${BEGUN}]`, measured))).toEqual([
    expect.stringMatching(/^27:57 `weather` is asked under the condition `begun`/),
  ]);
  const apart = measured.replace('samples: 3\n', 'samples: 3\n    conditions: [default]\n');
  expect(places(begin(`[default, ${BEGUN}]`, apart))).toEqual([]);
});
