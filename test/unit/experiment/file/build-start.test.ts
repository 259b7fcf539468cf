/** Starting points of an experiment file: what is found, and what is refused at its place. */
import { conditionsOf } from '../../../../experiment/conditions';
import { problemsOf, SMALL, specOf } from '../samples';

const SHA = 'a'.repeat(64);
const REVISION = 'b'.repeat(40);

const RESULT = (result: string): string =>
  `  own: { train: { dataset: birds }, training: { packing: none, backend: { command: [t], result: ${result} } } }\n`;

function withConfigurations(added: string, rest = ''): string {
  return SMALL.replace('metrics:\n', `${added}metrics:\n`) + rest;
}

function starts(text: string): Record<string, string> {
  return Object.fromEntries(
    specOf(text).configurations.flatMap(({ name, start }) => (start ? [[name, `${start.as} ${start.from}`]] : [])),
  );
}

test('a configuration goes on from another, by default with its adapter', () => {
  const text = withConfigurations(
    '  then: { train: { from: plain, dataset: birds } }\n' +
      '  on: { train: { from: then, dataset: birds, adapter: merge } }\n',
  );
  expect(starts(text)).toEqual({ then: 'continue plain', on: 'merge then' });
});

describe('the point of a grid that is meant', () => {
  const GRID = 'grid: { training.seed: [0, 1] }\n';

  test('is the one with the same values', () => {
    expect(starts(withConfigurations('  then: { train: { from: plain, dataset: birds } }\n', GRID))).toEqual({
      'then.seed-0': 'continue plain.seed-0',
      'then.seed-1': 'continue plain.seed-1',
    });
  });

  test('or the one that is named', () => {
    expect(starts(withConfigurations('  then: { train: { from: plain.seed-1, dataset: birds } }\n', GRID))).toEqual({
      'then.seed-0': 'continue plain.seed-1',
      'then.seed-1': 'continue plain.seed-1',
    });
  });

  test('or those of an axis over starting points', () => {
    const text = withConfigurations(
      '  ranks: { train: { dataset: birds }, grid: { training.lora.rank: [4, 8] } }\n' +
        '  then:\n    train: { from: ranks.rank-4, dataset: birds, adapter: merge }\n' +
        '    grid: { train.from: [ranks.rank-4, ranks.rank-8] }\n',
    );
    expect(Object.values(starts(text))).toEqual(['merge ranks.rank-4', 'merge ranks.rank-8']);
  });

  test('is refused where none has the same values', () => {
    const text = withConfigurations(
      '  ranks: { train: { dataset: birds }, grid: { training.lora.rank: [4, 8] } }\n' +
        '  then: { train: { from: ranks, dataset: birds, adapter: merge } }\n',
    );
    const [problem] = problemsOf(text);
    expect(problem?.message).toBe(
      '`ranks` has a grid over training.lora.rank, and none of its points has the same values',
    );
    expect(problem?.hint).toContain('ranks.rank-4');
  });
});

test.each([
  ['  then: { train: { from: plian, dataset: birds } }\n', 'plian', /unknown configuration `plian`/],
  ['  then: { train: { from: base, dataset: birds } }\n', 'base, dataset', /is the base model itself/],
  [
    '  then: { train: { from: then, dataset: birds } }\n',
    'then, dataset',
    /come back to where they began: then → then/,
  ],
  [
    '  a: { train: { from: b, dataset: birds } }\n  b: { train: { from: a, dataset: birds } }\n',
    'b, dataset',
    /come back to where they began: a → b → a/,
  ],
  [
    '  then: { train: { from: plain, dataset: birds }, training: { lora: { rank: 4 } } }\n',
    'plain, dataset',
    /training goes on with the adapter of `plain`, whose lora.rank is another/,
  ],
  [
    '  then: { train: { from: plain, dataset: birds }, training: { layers: [3], lora: { alpha: 1 } } }\n',
    'plain, dataset',
    /whose lora.alpha, layers are another/,
  ],
  [
    `  then: { model: { hub: a/b, revision: ${REVISION} }, train: { from: plain, dataset: birds } }\n`,
    'plain, dataset',
    /`plain` has another base model/,
  ],
  [
    '  then: { train: { from: plain, dataset: birds }, training: { backend: unsloth } }\n',
    'plain, dataset',
    /only `backend: transformers` starts from an adapter/,
  ],
  [
    `${RESULT('model')}  then: { train: { from: own, dataset: birds, adapter: merge } }\n`,
    'from: own',
    /what trains `own` leaves a whole model/,
  ],
  [
    `${RESULT('adapter')}  then: { train: { from: own, dataset: birds } }\n`,
    'from: own',
    /training goes on with one of the recipe's shape only/,
  ],
  ['  then: { train: { dataset: birds, adapter: merge } }\n', 'merge }', /and `from` is not given/],
  ['  then: { train: { from: plain, dataset: birds, adapter: add } }\n', 'add }', /`continue` or `merge`/],
  ['  then: { label: Then }\n', 'then', /one of `train`, `adapter` is needed/],
  [`  then: { adapter: { path: a, sha256: ${SHA} }, train: { dataset: birds } }\n`, '{ path: a', /asked as it is/],
  [`  then: { adapter: { hub: a/b, sha256: ${SHA} } }\n`, 'a/b', /`revision` is needed/],
  [`  then: { adapter: { path: a, revision: ${REVISION}, sha256: ${SHA} } }\n`, REVISION, /goes with `hub` only/],
  [`  then: { adapter: { path: a } }\n`, '{ path: a }', /sha256/],
  [
    `  then: { adapter: { path: a, hub: a/b, revision: ${REVISION}, sha256: ${SHA} } }\n`,
    'a/b',
    /exactly one of|one of/,
  ],
])('%j is refused', (added, where, message) => {
  const text = withConfigurations(added);
  const problem = problemsOf(text).find((each) => message.test(each.message));
  if (problem === undefined) throw new Error(`not refused, or otherwise: ${JSON.stringify(problemsOf(text))}`);
  expect(text.split('\n')[problem.line - 1]).toContain(where);
});

test('what is asked in full precision is not asked of a base in 4 bits', () => {
  const text = withConfigurations(RESULT('model'), 'sampling: { quantization: nf4, precision: bf16 }\n');
  expect(problemsOf(text)).toMatchObject([{ message: expect.stringMatching(/`result: model` .* 4 bits/) as string }]);
});

test('an adapter of any kind can be merged', () => {
  const then = '  then: { train: { from: own, dataset: birds, adapter: merge } }\n';
  expect(problemsOf(withConfigurations(`${RESULT('adapter')}${then}`))).toEqual([]);
});

test('another rank is no matter where a new adapter is trained on the merged one', () => {
  const text = withConfigurations(
    '  then: { train: { from: plain, dataset: birds, adapter: merge }, training: { lora: { rank: 4 } } }\n',
  );
  expect(problemsOf(text)).toEqual([]);
});

test('an adapter from elsewhere trains nothing, and has no training condition', () => {
  const text = withConfigurations(
    `  organism: { adapter: { hub: owner/name, revision: ${REVISION}, sha256: ${SHA} } }\n` +
      '  then: { train: { from: organism, dataset: birds } }\n',
  );
  const organism = specOf(text).configurations.find(({ name }) => name === 'organism');
  expect(organism).toMatchObject({ train: null, adapter: { kind: 'hub', id: 'owner/name', revision: REVISION } });
  expect(conditionsOf(organism!).map(({ name }) => name)).toEqual(['default']);
  expect(starts(text)).toEqual({ then: 'continue organism' });
});
