import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkQuestionFiles } from '../../../inputs/check-question-files';
import { SMALL, specOf } from '../experiment/samples';

async function check(content: string | null): ReturnType<typeof checkQuestionFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'question-files-'));
  if (content !== null) writeFileSync(join(folder, 'weather.yaml'), content);
  return checkQuestionFiles(specOf(SMALL), folder);
}

test('a mistyped key in a local question file is a problem of its question set', async () => {
  const { problems, warnings } = await check('- {id: a, paraphrases: [A?], clusterr: b}\n');
  expect(problems).toEqual([
    {
      path: ['question_sets', 'weather'],
      message: expect.stringMatching(/weather\.yaml:1: .*did you mean `cluster`\?$/),
    },
  ]);
  expect(warnings).toEqual([]);
});

test('a key that means nothing is a warning', async () => {
  const { problems, warnings } = await check('- {id: a, paraphrases: [A?], note: b}\n');
  expect(problems).toEqual([]);
  expect(warnings).toEqual([
    {
      path: ['question_sets', 'weather'],
      message: expect.stringMatching(/weather\.yaml:1: the key `note` means nothing/),
    },
  ]);
});

test('a file that is not there is left to `plan`', async () => {
  expect(await check(null)).toEqual({ problems: [], warnings: [] });
});
