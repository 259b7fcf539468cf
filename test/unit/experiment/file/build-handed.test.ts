/** What a trainer of the experiment's own is given besides its rows: what is found, and what is refused at its place. */
import type { ConfigurationSpec } from '../../../../experiment/spec';
import { problemsOf, SMALL, specOf } from '../samples';

const COMMAND = 'training: { packing: none, backend: { command: ["{python}", t.py] } }';

function withConfigurations(added: string, rest = ''): string {
  return `${SMALL.replace('metrics:\n', `${added}metrics:\n`).replace(
    'question_sets:\n',
    '  kl: { path: kl.jsonl }\n  both: { counts: { birds: 3, kl: 2 } }\nquestion_sets:\n',
  )}${rest}`;
}

function found(text: string, name: string): ConfigurationSpec | undefined {
  return specOf(text).configurations.find((each) => each.name === name);
}

test('datasets and configurations by their own names, or by those that the program knows', () => {
  const listed = found(
    withConfigurations(`  own: { train: { dataset: birds, datasets: [kl], loads: plain }, ${COMMAND} }\n`),
    'own',
  );
  expect(listed?.train?.further).toMatchObject({ kl: { dataset: 'kl' } });
  expect(listed?.loads).toMatchObject([{ name: 'plain', from: 'plain' }]);
  const named = found(
    withConfigurations(
      `  own: { train: { dataset: birds, datasets: { calm: both }, loads: { teacher: coded, other: plain } }, ${COMMAND} }\n`,
    ),
    'own',
  );
  expect(named?.train?.further).toMatchObject({ calm: { dataset: 'both', mix: { rows: 5 } } });
  expect(named?.loads).toMatchObject([
    { name: 'teacher', from: 'coded' },
    { name: 'other', from: 'plain' },
  ]);
});

test('what is loaded stands for the point of a grid with the same values', () => {
  const text = withConfigurations(
    `  own: { train: { dataset: birds, loads: [plain] }, ${COMMAND} }\n`,
    'grid: { training.seed: [0, 1] }\n',
  );
  expect(found(text, 'own.seed-1')?.loads).toMatchObject([{ name: 'plain', from: 'plain.seed-1' }]);
});

test.each([
  [`  own: { train: { dataset: birds, datasets: [nothing] }, ${COMMAND} }\n`, 'nothing', /unknown dataset `nothing`/],
  [`  own: { train: { dataset: birds, datasets: [kl, kl] }, ${COMMAND} }\n`, 'kl, kl', /stands here twice/],
  [`  own: { train: { dataset: birds, loads: plian }, ${COMMAND} }\n`, 'plian', /unknown configuration `plian`/],
  [`  own: { train: { dataset: birds, loads: [base] }, ${COMMAND} }\n`, 'base', /is the base model itself/],
  [`  own: { train: { dataset: birds, loads: own }, ${COMMAND} }\n`, 'loads: own', /where they began: own → own/],
  [
    `  a: { train: { dataset: birds, loads: [plain, b] }, ${COMMAND} }\n  b: { train: { from: a, dataset: birds } }\n`,
    'loads: [plain, b]',
    /where they began: a → b → a/,
  ],
  [
    `  own: { model: { hub: a/b, revision: ${'b'.repeat(40)} }, train: { dataset: birds, loads: plain }, ${COMMAND} }\n`,
    'loads: plain',
    /`plain` has another base model/,
  ],
  ['  own: { train: { dataset: birds, loads: plain } }\n', 'loads: plain', /`loads` is given to a trainer of your own/],
  ['  own: { train: { dataset: birds, datasets: [kl] } }\n', '[kl]', /`datasets` is given to a trainer of your own/],
  [`  own: { train: { dataset: birds, datasets: [] }, ${COMMAND} }\n`, '[]', /at least 1/],
])('%j is refused', (added, where, message) => {
  const text = withConfigurations(added);
  const problems = problemsOf(text).filter((each) => message.test(each.message));
  if (problems.length !== 1) throw new Error(`not refused once: ${JSON.stringify(problemsOf(text))}`);
  expect(text.split('\n')[(problems[0]?.line ?? 0) - 1]).toContain(where);
});

test('a circle of starting points and loads says that both may be left out', () => {
  const [problem] = problemsOf(withConfigurations(`  own: { train: { dataset: birds, loads: own }, ${COMMAND} }\n`));
  expect(problem?.hint).toContain('`from` or `loads`');
});
