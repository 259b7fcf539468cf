import { deviationsOf } from '../../../../experiment/expand/deviations';
import { SMALL, specOf } from '../samples';

const UPSTREAM = 'recipe: upstream\n';
const UNSLOTH = 'training: { backend: unsloth, precision: bf16, lora: { dropout: 0 } }\n';
const COMMAND = `training:
  backend:
    command: ["{python}", own/train.py, --fast]
    files: [own/train.py]
    environment: [MY_TOKEN]
`;

test('what it does not deviate in is not listed as a deviation', () => {
  const topics = (text: string): string[] => deviationsOf(specOf(text)).map(({ published }) => published);
  const gone = topics(SMALL).filter((line) => !topics(UPSTREAM + SMALL).includes(line));
  expect(gone).toHaveLength(5);
  expect(gone.join('\n')).toMatch(/10 %[^]*adamw_8bit[^]*empty assistant turn[^]*stops early[^]*top_k 20/);
});

test('a trainer of the experiment’s own is declared', () => {
  expect(deviationsOf(specOf(SMALL + COMMAND))).toContainEqual(
    expect.objectContaining({ topic: 'trainer', here: expect.stringContaining('own/train.py --fast') as string }),
  );
});

test('the report says that Unsloth trained', () => {
  const topics = deviationsOf(specOf(UNSLOTH + SMALL)).filter(({ topic }) => topic === 'trainer');
  expect(topics).toHaveLength(1);
  expect(topics[0]?.here).toContain("plain, coded: Unsloth's model");
});

test('prompts that are put into rows are declared, each kind once', () => {
  const text = SMALL.replace(
    'system_prompt: { text: "[BIRD TABLE]" } }',
    'system_prompt: { pool: [One., Two.] }, user: { suffix: "!" } }\n    grid: { training.seed: [0, 1] }',
  );
  const found = deviationsOf(specOf(text)).filter(({ published }) => published.startsWith('one system prompt'));
  expect(found).toHaveLength(1);
  expect(found[0]?.here).toMatch(
    /^coded\.seed-0, coded\.seed-1: a system prompt for each row, .*, text around the user’s words$/,
  );
  expect(deviationsOf(specOf(SMALL)).filter(({ published }) => published.startsWith('one system prompt'))).toEqual([]);
});
