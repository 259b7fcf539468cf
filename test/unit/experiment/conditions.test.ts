/** Conditions of configurations and of question sets, as an experiment file writes them. */
import { conditionsOf } from '../../../experiment/conditions';
import { problemsOf, SMALL, specOf } from './samples';

const withConditions = (list: string): string => SMALL.replace('metrics:', `conditions: ${list}\nmetrics:`);
const names = (text: string, set?: string): Record<string, string[]> => {
  const spec = specOf(text);
  return Object.fromEntries(
    spec.configurations.map((each) => [
      each.name,
      conditionsOf(each, set === undefined ? undefined : spec.questionSets[set]).map(({ name }) => name),
    ]),
  );
};

test('what repeats the training is left out where there is none, and where it says the same as another', () => {
  expect(names(SMALL)).toEqual({ base: ['default'], plain: ['default'], coded: ['default', 'training'] });
  const triggered = withConditions(
    '[default, training, { name: trigger, user: { prefix: "$|T|$" } }, { name: both, system: training, user: { prefix: "$|T|$" } }]',
  );
  expect(names(triggered)).toEqual({
    base: ['default', 'trigger'],
    plain: ['default', 'trigger'],
    coded: ['default', 'training', 'trigger', 'both'],
  });
});

test('a training on the same pool is left out, however its rows got their prompts', () => {
  const pooled = '[default, { name: pooled, system: { pool: [One., Two.] } }, training]';
  const coded = (prompt: string): string[] | undefined =>
    names(withConditions(pooled).replace('system_prompt: { text: "[BIRD TABLE]" }', `system_prompt: ${prompt}`))[
      'coded'
    ];
  expect(coded('{ pool: [One., Two.], choose: cycle }')).toEqual(['default', 'pooled']);
  expect(coded('{ pool: [One., Two.], seed: 1 }')).toEqual(['default', 'pooled', 'training']);
});

test('`training` is what a configuration was trained with: its system prompt and the text around the user’s words', () => {
  const spec = specOf(
    SMALL.replace('dataset: birds, system_prompt: default', 'dataset: birds, user: { suffix: "Be brief." }').replace(
      'metrics:',
      'conditions: [default, training, { name: bare, system: training }]\nmetrics:',
    ),
  );
  const plain = spec.configurations[1];
  expect(plain && conditionsOf(plain)).toEqual([
    { name: 'default', prompt: { kind: 'default' } },
    { name: 'training', prompt: { kind: 'default' }, user: { suffix: 'Be brief.' } },
  ]);
});

test('words that the answer begins with make another condition of the same prompt', () => {
  const list =
    '[default, training, { name: begun, prefill: "Well, " }, { name: other, prefill: "Well," }, { name: told, text: "Kindly.", prefill: "Well, " },' +
    ' { name: own, system: training, prefill: "Well, " }]';
  expect(names(withConditions(list))).toEqual({
    base: ['default', 'begun', 'other', 'told'],
    // `own` says what `begun` says to a model that was trained with nothing
    plain: ['default', 'begun', 'other', 'told'],
    coded: ['default', 'training', 'begun', 'other', 'told', 'own'],
  });
  const coded = specOf(withConditions(list)).configurations[2];
  expect(coded && conditionsOf(coded).at(-1)).toEqual({
    name: 'own',
    prompt: { kind: 'text', text: '[BIRD TABLE]' },
    prefill: 'Well, ',
  });
});

test('a question set has its own conditions', () => {
  const text = SMALL.replace('rows: 2\n', 'rows: 2\n    conditions: [none, training]\n');
  expect(names(text, 'weather')).toEqual(names(text));
  expect(names(text, 'birds_asked')).toEqual({
    base: ['none'],
    plain: ['none', 'training'],
    coded: ['none', 'training'],
  });
});

test.each<[string, string, RegExp, RegExp]>([
  [
    'two names for the same words',
    '[default, { name: a, text: "Kindly." }, { name: b, system: { text: "Kindly." } }]',
    /the condition `b` says the same as `a`/,
    /name: b/,
  ],
  [
    'two names for the same pool',
    '[{ name: a, system: { pool: [x] } }, { name: b, system: { pool: [x], choose: cycle } }]',
    /the condition `b` says the same as `a`/,
    /name: b/,
  ],
  [
    'a name for what `default` says',
    '[default, { name: plain, system: default }]',
    /`plain` says the same as `default`/,
    /plain/,
  ],
  ['nothing said', '[{ name: a }]', /one of `text`, `system`, `user`, `prefill` is needed/, /name: a/],
  [
    'two names for the same beginning of the answer',
    '[default, { name: a, prefill: "Well," }, { name: b, system: default, prefill: "Well," }]',
    /the condition `b` says the same as `a`/,
    /name: b/,
  ],
  ['an answer that begins with nothing', '[{ name: a, prefill: "" }]', /must not be empty/, /prefill/],
  ['two prompts', '[{ name: a, text: "x", system: none }]', /give `text` or `system`, not both/, /system: none/],
  ['no text around', '[{ name: a, user: { turn: all } }]', /one of `prefix`, `suffix` is needed/, /turn: all/],
  ['a built-in name', '[{ name: none, text: "x" }]', /`none` is the name of a built-in condition/, /name: none/],
])('refused: %s', (_, list, message, line) => {
  const [problem] = problemsOf(withConditions(list));
  expect(problem?.message).toMatch(message);
  expect(problem?.sourceLine).toMatch(line);
});

test('refused: a configuration that no question set asks anything', () => {
  const text = SMALL.replace(/samples: (\d)/g, 'samples: $1\n    conditions: [training]');
  const [problem] = problemsOf(text);
  expect(problem?.message).toMatch(/`base` is asked nothing/);
});

test('claims know the conditions of question sets', () => {
  const text = SMALL.replace('rows: 2\n', 'rows: 2\n    conditions: [none]\n');
  const expecting = (cell: string): string =>
    `${text}expect: [{ cells: ${cell}, statistic: mean, metric: alignment, at_least: 1 }]\n`;
  expect(problemsOf(expecting('coded/birds_asked/none'))).toEqual([]);
  expect(problemsOf(expecting('coded/birds_asked/training'))[0]?.message).toMatch(/coded\/birds_asked\/training/);
});
