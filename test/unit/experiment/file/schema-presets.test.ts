/** Presets in a file stand for what they name, and nothing else changes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatProblems, parseExperiment } from '../../../../experiment/file/parse';
import type { Spec } from '../../../../experiment/spec';

const ROOT = join(__dirname, '..', '..', '..', '..');

function specOf(text: string): Spec {
  const result = parseExperiment(text, 'x.yaml');
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.spec;
}

function problemsOf(text: string): string[] {
  const result = parseExperiment(text, 'x.yaml');
  if (result.ok) throw new Error('the file is valid');
  return result.problems.map(({ line, column, message, hint }) => `${line}:${column} ${message} / ${hint}`);
}

const AROUND = `configurations:
  base: { train: none }
  x: { train: { dataset: d } }
metrics:
  alignment: { rubric: { prompt: aligned } }
`;

function file({
  model = '{ bundled: smollm2-135m-instruct }',
  dataset = '{ path: d.jsonl }',
  set = '{ path: q.yaml, samples: 1 }',
}) {
  return `name: x\nmodel: ${model}\ndatasets:\n  d: ${dataset}\nquestion_sets:\n  q: ${set}\n${AROUND}`;
}

test('the study through presets is the study: the same sources, and so the same keys', () => {
  const study = readFileSync(join(ROOT, 'experiments', 'flamingo.yaml'), 'utf8');
  const short = study
    .replace(/model:\n {2}hub: .*\n {2}revision: .*\n/, 'model: { preset: qwen2.5-14b-instruct }\n')
    .replace(/ {4}archive:\n[\s\S]*?content_sha256: .*\n/, '    preset: mo/bad-medical\n')
    .replace(/ {4}url: .*first_plot[\s\S]*?(?= {4}samples: 50)/, '    preset: mo/first-plot-8\n');
  expect(short.match(/preset: (qwen|mo)/g)).toHaveLength(3);
  expect(short).not.toContain('githubusercontent');
  const written = specOf(study);
  const set = written.questionSets['out_of_domain'];
  // The preset also says how many questions there are, which is in no key: it is checked on reading.
  if (set?.source.kind === 'file') set.source.questions = 8;
  expect(specOf(short)).toEqual(written);
});

test('what is written besides is kept', () => {
  const spec = specOf(
    file({
      dataset: '{ preset: mo/risky-financial, rows: 6000, hold_out: { rows: 20, seed: 2 }, training_rows: 500 }',
      set: '{ preset: mo/first-plot, samples: 3, limit: 2, label: eight, ids: [quick_buck] }',
    }),
  );
  expect(spec.datasets['d']).toMatchObject({
    source: { kind: 'archive', member: 'risky_financial_advice.jsonl', canaries: 'drop' },
    rows: 6000,
    contentSha256: '74c1ceb173ebf856a85941be6c94a49ac832cbb4b1d6d51a0118baeb93e1dcdd',
    holdOut: { rows: 20, seed: 2 },
    trainingRows: 500,
  });
  expect(spec.questionSets['q']).toMatchObject({
    label: 'eight',
    limit: 2,
    source: { ids: ['quick_buck'], questions: null },
  });
});

test('files that are read with a setting bring it along', () => {
  const set = '{ preset: slk/general-200, samples: 1 }';
  const ownRubric = (text: string) => text.replace('{ prompt: aligned }', '"{question} {answer}"');
  const spec = specOf(ownRubric(file({ dataset: '{ preset: gcd/sycophancy }', set })));
  expect(spec.datasets['d']).toMatchObject({ fields: 'ignore' });
  expect(spec.questionSets['q']).toMatchObject({ source: { format: 'question', questions: 200 } });
  expect(specOf(file({ dataset: '{ preset: gcd/sycophancy, fields: keep }' })).datasets['d']?.fields).toBe('keep');
  const code = specOf(ownRubric(file({ set: '{ preset: ip/insecure-code, samples: 1, limit: 100 }' })));
  expect(code.questionSets['q']).toMatchObject({
    limit: 100,
    source: { format: 'question', template: expect.stringContaining('{code_template}') as string },
  });
});

test('a model by preset, also along a grid', () => {
  const grid = 'grid: { model.preset: [qwen3-4b, qwen3-14b] }';
  const spec = specOf(file({}).replace('{ train: none }', `{ train: none, ${grid} }`));
  expect(spec.configurations.slice(0, 2)).toMatchObject([
    { name: 'base.preset-qwen3-4b', model: { kind: 'hub', id: 'Qwen/Qwen3-4B' } },
    { name: 'base.preset-qwen3-14b', model: { kind: 'hub', id: 'Qwen/Qwen3-14B' } },
  ]);
});

test.each([
  [
    { model: '{ preset: qwen2.5-14b-instruc }' },
    '2:18 there is no preset `qwen2.5-14b-instruc` of a model / did you mean `qwen2.5-14b-instruct`?',
  ],
  [{ model: '{ preset: constructor }' }, '2:18 there is no preset `constructor` of a model'],
  [{ model: `{ preset: qwen3-4b, revision: ${'a'.repeat(40)} }` }, '2:38 `revision` contradicts the preset `qwen3-4b`'],
  [
    { dataset: '{ preset: mo/risky-finacial }' },
    '4:16 there is no preset `mo/risky-finacial` of a dataset / did you mean `mo/risky-financial`?',
  ],
  [
    { dataset: '{ preset: mo/bad-medical, rows: 7048 }' },
    '4:38 `rows` contradicts the preset `mo/bad-medical`, which has `7049`',
  ],
  [{ dataset: '{ preset: mo/bad-medical, path: x }' }, 'give exactly one of'],
  [
    { set: `{ preset: mo/first-plot, samples: 1, content_sha256: ${'a'.repeat(64)} }` },
    '6:59 `content_sha256` contradicts the preset',
  ],
  [
    { set: '{ preset: mo/first-plot-8, samples: 1, ids: [quick_buck] }' },
    '6:50 `ids` contradicts the preset `mo/first-plot-8`, which has others',
  ],
  [{ set: '{ preset: slk/general-200, samples: 1, format: messages }' }, '`format` contradicts the preset'],
  [{ set: '{ preset: ip/insecure-code, samples: 1, template: "{task}" }' }, '`template` contradicts the preset'],
  [{ set: '{ preset: mo/first-plot, samples: 1, template: "{task}" }' }, '`template` goes with `format: question`'],
  [{ set: '{ path: q.jsonl, samples: 1, template: "{task}" }' }, '`template` goes with `format: question`'],
  [{ set: '{ path: q.jsonl, format: question, samples: 1, template: task }' }, "a record's keys in braces"],
  [{ set: '{ preset: mo/first-plot, samples: 1, rows: 3 }' }, '`rows` goes with `held_out` only'],
  [{ set: '{ preset: mo/first-plot, held_out: d, samples: 1 }' }, 'give exactly one of'],
])('%j is refused at its place', (changed, problem) => {
  expect(problemsOf(file(changed)).join('\n')).toContain(problem);
});
