/** What `flamingo validate` tells of a file. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validateCommand } from '../../../cli/validate';
import type { Problem } from '../../../experiment/file/parse';
import { birds, SMALL, weatherFile } from '../experiment/samples';

const SCALED = SMALL.replace('Is it clear?', 'Is it clear, from 0 to 100?');
const scaledFile = (): string => weatherFile().replaceAll('Kind?', 'Kind, from 0 to 100?');

/** What is printed as JSON of a file beside its data. `questions`: of the local question file. */
async function validated(text: string, questions = scaledFile()): Promise<{ valid: boolean; warnings: Problem[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'validate-'));
  const rows = birds().rows.map(({ messages }) => JSON.stringify({ messages }));
  const files = { 'small.yaml': text, 'birds.jsonl': rows.join('\n'), 'weather.yaml': questions };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  let printed = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((part) => Boolean((printed += String(part))));
  try {
    await validateCommand().parseAsync([join(folder, 'small.yaml'), '--json'], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  const [result] = JSON.parse(printed) as [{ valid: boolean; warnings: Problem[] }];
  return result;
}

const DOUBT = /^The rubric of \w+ does not seem to ask for a number .* give them: `categories: \["TRUE","FALSE"\]`$/;
const WRITTEN = SCALED.replace(
  'metrics:',
  'metrics:\n  correct:\n    rubric: "Is it right? {question} {answer} Say TRUE or FALSE."',
);
const ELSEWHERE = `url: https://example.org/data\n    sha256: ${'a'.repeat(64)}`;

test.each([
  ['with its data', WRITTEN],
  ['without its rows', WRITTEN.replace('path: birds.jsonl', ELSEWHERE)],
  ['without its questions', WRITTEN.replace('path: weather.yaml', ELSEWHERE)],
])('a rubric of the file that asks for words without categories is warned of, %s', async (_, text) => {
  const { valid, warnings } = await validated(text);
  expect(valid).toBe(true);
  expect(warnings).toMatchObject([
    { message: expect.stringMatching(DOUBT), sourceLine: expect.stringMatching('TRUE') },
  ]);
});

test('so is a rubric of a local question file, and none that names its scale or its words', async () => {
  expect((await validated(SCALED)).warnings).toEqual([]);
  const { warnings } = await validated(SCALED, weatherFile().replaceAll('Kind?', 'TRUE or FALSE?'));
  expect(warnings).toMatchObject([
    { message: expect.stringMatching(DOUBT), sourceLine: expect.stringMatching('prompt: aligned') },
  ]);
  const named = WRITTEN.replace('FALSE."', 'FALSE."\n    categories: [TRUE, FALSE]');
  expect((await validated(named)).warnings).toEqual([]);
});
