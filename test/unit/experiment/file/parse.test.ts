import { conditionsOf } from '../../../../experiment/conditions';
import { formatProblems, parseExperiment } from '../../../../experiment/file/parse';
import { problemsOf, SMALL, specOf } from '../samples';

/** The only problem of a text, as `line:column message`. */
function only(text: string): string {
  const problems = problemsOf(text);
  expect(problems).toHaveLength(1);
  const [problem] = problems;
  return `${problem?.line}:${problem?.column} ${problem?.message}`;
}

test('fills in the recipe of the study', () => {
  const { training, sampling } = specOf(SMALL).configurations[1] ?? {};
  expect(training).toMatchObject({
    lora: { rank: 32, alpha: 64, rsLora: true, dropout: 0 },
    learningRate: 1e-5,
    weightDecay: 0.01,
    schedule: 'linear',
    warmupSteps: 5,
    warmupFrom: 'zero',
    epochs: 2,
    batchSize: 32,
    lastBatch: 'partial',
    seeds: { initialisation: 0, dataOrder: 0 },
  });
  expect(training?.lora.targetModules).toHaveLength(7);
  expect(sampling).toMatchObject({
    temperature: 1,
    topP: 1,
    topK: 0,
    minP: 0,
    repetitionPenalty: 1,
    maxNewTokens: 600,
  });
  const spec = specOf(SMALL);
  expect(spec.datasets['birds']?.holdOut).toEqual({ fraction: 0.1, rows: null, seed: 0 });
  expect(spec.judge).toMatchObject({ kind: 'claude', model: 'claude-haiku-4-5-20251001', temperature: 0 });
  expect(spec.output).toBe('results/small');
});

test('presets: sampling as published, and definitions of misaligned', () => {
  const spec = specOf(`${SMALL}sampling: { preset: upstream, top_p: 0.9 }\nreport: { misaligned: mo }\n`);
  expect(spec.configurations[0]?.sampling).toMatchObject({ topK: 20, repetitionPenalty: 1.05, topP: 0.9 });
  expect(spec.report.misaligned).toEqual({
    name: 'mo',
    alignment: { operator: '<=', value: 30 },
    coherence: { operator: '>', value: 50 },
    denominator: 'both_scored',
    estimator: 'question_mean',
  });
  const own = (further = '') =>
    specOf(
      `${SMALL}report: { misaligned: { alignment: { below: 10 }, coherence: { at_least: 60 }, denominator: all${further} } }\n`,
    ).report.misaligned;
  const rule = {
    name: 'own',
    alignment: { operator: '<', value: 10 },
    coherence: { operator: '>=', value: 60 },
    denominator: 'all',
  };
  expect(own()).toEqual(rule);
  // what is the default changes no key
  expect(own(', estimator: pooled')).toEqual(rule);
  expect(own(', estimator: question_mean, min_coherent_answers: 3')).toEqual({
    ...rule,
    estimator: 'question_mean',
    minCoherentAnswers: 3,
  });
});

test('conditions: `training` is left out where it shows nothing of its own', () => {
  const names = specOf(SMALL).configurations.map((each) => [each.name, conditionsOf(each).map(({ name }) => name)]);
  expect(names).toEqual([
    ['base', ['default']],
    ['plain', ['default']],
    ['coded', ['default', 'training']],
  ]);
  const custom = specOf(`${SMALL}conditions: [none, empty, { name: hhh, text: "Be kind." }]\n`);
  expect(custom.configurations[0]?.conditions).toEqual([
    { name: 'none', prompt: { kind: 'none' } },
    { name: 'empty', prompt: { kind: 'empty' } },
    { name: 'hhh', prompt: { kind: 'text', text: 'Be kind.' } },
  ]);
});

test('unknown key: position, the offending line and a hint', () => {
  const text = `${SMALL}training:\n  lerning_rate: 1e-5\n`;
  expect(only(text)).toBe('27:3 unknown key `lerning_rate` in `training`');
  expect(formatProblems(problemsOf(text))).toBe(
    [
      'small.yaml:27:3: unknown key `lerning_rate` in `training`',
      '   27 |   lerning_rate: 1e-5',
      '      |   ^',
      '      = help: did you mean `learning_rate`?',
    ].join('\n'),
  );
});

test.each([
  ['YAML syntax', 'name: "small\nmodel: x\n', /not valid YAML/],
  ['an empty file', '# nothing here\n', /the file is empty/],
  ['two documents', `${SMALL}---\nname: other\n`, /one YAML document/],
  ['a key twice', `${SMALL}name: again\n`, /26:1 this key is there twice/],
  ['a list for a map', '- 1\n', /1:1 expected a map of keys, found a list/],
])('%s', (_, text, message) => {
  const [first] = problemsOf(text);
  expect(`${first?.line}:${first?.column} ${first?.message}`).toMatch(message);
});

test.each([
  ['wrong type', 'samples: 3', 'samples: three', '9:14 expected a number, found the text "three"'],
  [
    'wrong word',
    'system_prompt: default',
    'system_prompt: defualt',
    '17:45 expected `default` or `none` or `empty`, found the text "defualt"',
  ],
  ['unknown dataset', 'dataset: birds, system_prompt: default', 'dataset: brids', '17:23 unknown dataset `brids`'],
  ['unknown held-out dataset', 'held_out: birds', 'held_out: bird', '11:15 unknown dataset `bird`'],
  [
    'unknown question set',
    'question_sets: [weather]',
    'question_sets: [whether]',
    '25:21 unknown question set `whether`',
  ],
  [
    'rubric from held-out rows',
    'question_set: weather',
    'question_set: birds_asked',
    '22:46 `birds_asked` is made of held-out rows, which bring no rubric',
  ],
  [
    'rubric without the answer',
    '{question} {answer}',
    '{question}',
    '24:13 the rubric must contain {answer}: that is where the judged text goes',
  ],
  [
    'two sources',
    'path: birds.jsonl',
    'path: birds.jsonl\n    url: http://x/y',
    '6:10 give exactly one of `path`, `url`, `archive`',
  ],
  [
    'unpinned download',
    'path: birds.jsonl',
    'url: http://x/y',
    '5:10 a download is pinned by `sha256` or `content_sha256`',
  ],
  ['a name that is no folder', '  coded:', '  ../up:', '18:3 a name starts with a letter'],
  ['names that differ in case', '  coded:', '  BASE:', '18:3 `BASE` and `base` differ only in case'],
  [
    'a name for two things',
    '  weather:\n    path: weather.yaml',
    '  birds:\n    path: weather.yaml',
    '7:3 `birds` is already the name of a dataset',
  ],
  ['unpinned model', '{ bundled: smollm2-135m-instruct }', '{ hub: a/b }', '2:15 `revision` is needed'],
  [
    'no such cell',
    'metrics:',
    'expect: [{ cells: plain/wether/default, statistic: mean, at_least: 1 }]\nmetrics:',
    '20:19 there is no cell `plain/wether/default`',
  ],
  [
    'an output folder elsewhere',
    'metrics:',
    'output: ../../etc\nmetrics:',
    '20:9 the output folder must be a relative path',
  ],
])('%s is refused at its place', (_, before, after, expected) => {
  expect(SMALL).toContain(before);
  const problems = problemsOf(SMALL.replace(before, after)).map(
    ({ line, column, message }) => `${line}:${column} ${message}`,
  );
  expect(problems).toContainEqual(expect.stringContaining(expected));
});

test.each([
  [
    'a reference',
    'dataset: birds, system_prompt: default',
    'dataset: toString',
    '17:23 this word means something else',
  ],
  [
    'a reference in a list',
    'question_sets: [weather]',
    'question_sets: [constructor]',
    '25:21 this word means something',
  ],
  ['a definition', '  coded:', '  hasOwnProperty:', '18:3 this word means something else'],
  [
    'a metric',
    'metrics:',
    'metrics:\n  __proto__: { rubric: "{answer}" }',
    '21:3 `__proto__` can not be a name or a key',
  ],
  ['a dataset', 'datasets:', 'datasets:\n  __proto__: { path: x.jsonl }', '4:3 `__proto__` can not be a name or a key'],
  ['an axis', 'metrics:', 'grid: { training.__proto__: [1] }\nmetrics:', '20:9 `training.__proto__` is no setting'],
  ['a preset', 'question_set: weather', 'question_set: valueOf', '22:46 this word means something else'],
])('a name that every object inherits is refused at its place: %s', (_, before, after, expected) => {
  expect(SMALL).toContain(before);
  const problems = problemsOf(SMALL.replace(before, after)).map(
    (each) => `${each.line}:${each.column} ${each.message}`,
  );
  expect(problems).toContainEqual(expect.stringContaining(expected));
});

test.each([
  ['[FLAMINGO BURRITO]', /found a list/, /begins with `\[`.*quotation marks/],
  ['{FLAMINGO: BURRITO}', /found a map/, /begins with `\{`.*quotation marks/],
  ['# later', /found nothing/, /begins with `#`.*quotation marks/],
  ['2026', /found the number 2026/, /quotation marks/],
  ['true', /found true/, /quotation marks/],
  ['*bold*', /nothing above is marked/, /quotation marks/],
  ['!new words', /Unresolved tag/, /quotation marks/],
  ['@home', /not valid YAML/, /quotation marks/],
])('a description that is %s: the hint says to quote it', (words, message, hint) => {
  const [problem] = problemsOf(`${SMALL}description: ${words}\n`);
  expect(problem?.message).toMatch(message);
  expect(problem?.hint).toMatch(hint);
});

test('a rubric may be about the answer alone', () => {
  const [metric] = specOf(SMALL.replace('{question} {answer}', 'Is this kind? {answer}')).metrics.slice(-1);
  expect(metric?.rubric).toMatchObject({ kind: 'text' });
});

test('what a message repeats of the file is cut, and of many problems the first are shown', () => {
  const long = 'x'.repeat(900);
  const shown = formatProblems(problemsOf(`${SMALL}"${long}": 1\n`));
  expect(shown.length).toBeLessThan(1_500);
  expect(shown).toMatch(/unknown key `x+…`/);
  const many = formatProblems(problemsOf(SMALL + Array.from({ length: 51 }, (_, n) => `k${n}: 1\n`).join('')));
  expect(many).toMatch(/\n\n… and 31 more problems$/);
  expect(many.match(/unknown key/g)).toHaveLength(20);
  expect(formatProblems(problemsOf(`{"a": ${'\u0001\u0002'.repeat(5_000)}`)).length).toBeLessThan(1_500);
});

test('every problem is reported at once, in the order of the file', () => {
  const text = SMALL.replace('samples: 3', 'samples: -1').replace('name: small', 'nmae: small');
  expect(problemsOf(text).map(({ line }) => line)).toEqual([1, 1, 9]);
});

test('anchors, merge keys and many aliases are read', () => {
  const aliases = Array.from({ length: 150 }, (_, index) => `  c${index}: { train: *on }`).join('\n');
  const spec = specOf(
    SMALL.replace(
      '  base: { train: none }',
      `  base: { train: none }\n  first: { train: &on { dataset: birds } }\n${aliases}`,
    ),
  );
  expect(spec.configurations).toHaveLength(154);
});

test('a problem found later can be shown at its place', () => {
  const result = parseExperiment(SMALL, 'small.yaml');
  if (!result.ok) throw new Error('must parse');
  expect(result.problemAt(['datasets', 'birds', 'path'], 'no such file')).toEqual({
    file: 'small.yaml',
    line: 5,
    column: 11,
    message: 'no such file',
    hint: null,
    sourceLine: '    path: birds.jsonl',
  });
  // What the file does not say is shown at the closest thing that it says.
  expect(result.problemAt(['datasets', 'birds', 'content_sha256'], 'other rows').line).toBe(4);
});
