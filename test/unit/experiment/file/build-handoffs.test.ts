/** Handoffs in an experiment file: which configurations they get, and what is wrong with one. */
import { problemsOf, SMALL, specOf } from '../samples';

const GRID = SMALL.replace('system_prompt: default }', 'system_prompt: default }\n    grid: { training.seed: [0, 1] }');
const HANDOFF = `${GRID}handoffs:
  suite:
    command: [run-suite, --fast]
`;

function configurations(rest = ''): string[] | undefined {
  return specOf(`${HANDOFF}${rest}`).handoffs?.[0]?.configurations;
}

test('every configuration with the defaults, and none where there is no handoff', () => {
  expect(specOf(HANDOFF).handoffs).toEqual([
    {
      name: 'suite',
      command: ['run-suite', '--fast'],
      files: [],
      environment: [],
      graceSeconds: 60,
      silenceSeconds: 3600,
      each: 'adapter',
      configurations: ['base', 'plain.seed-0', 'plain.seed-1', 'coded'],
      gives: 'scores.json',
      queue: null,
      version: null,
    },
  ]);
  expect(specOf(GRID).handoffs).toBeUndefined();
});

test('the name of a configuration with a grid stands for its points, and that of a point for itself', () => {
  expect(configurations('    include: [plain]\n')).toEqual(['plain.seed-0', 'plain.seed-1']);
  expect(configurations('    include: [plain.seed-1, base]\n')).toEqual(['base', 'plain.seed-1']);
  expect(configurations('    exclude: [plain]\n')).toEqual(['base', 'coded']);
  expect(configurations('    base: false\n')).toEqual(['plain.seed-0', 'plain.seed-1', 'coded']);
});

test('an adapter from elsewhere is an adapter', () => {
  const organism = `  organism: { adapter: { hub: owner/name, revision: ${'b'.repeat(40)}, sha256: ${'a'.repeat(64)} } }\n`;
  const text = `${HANDOFF}    base: false\n`.replace('configurations:\n', `configurations:\n${organism}`);
  expect(specOf(text).handoffs?.[0]?.configurations).toContain('organism');
});

test.each([
  ['    include: [plian]\n', 'handoffs.suite.include', 'did you mean `plain`?'],
  ['    include: [plain]\n    exclude: [base]\n', 'not both', ''],
  ['    include: [base]\n    base: false\n', 'no configuration is handed over', ''],
  ['    files: [../up.py]\n', 'without `.` and `..`', ''],
  ['    environment: ["A-B"]\n', 'the name of an environment variable', ''],
  ['    gives: sub/scores.json\n', 'the name of a file', ''],
  ['    queue: judge\n', 'flamingo-gpu', ''],
  ['    timeout: 3\n', 'timeout', ''],
])('%j is refused', (rest, message, hint) => {
  const text = JSON.stringify(problemsOf(`${HANDOFF}${rest}`));
  expect(text).toContain(message.split('.').at(-1));
  expect(text).toContain(hint);
});
