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
