/** What a client of the worker learns of the worker's files: where they are wrong, and nothing of what they hold. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../../artifacts/local/store';
import { importExperiment } from '../../../inputs/import';
import { requestedFile } from '../../../inputs/requested-file';
import { SMALL } from '../experiment/samples';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'requested-'));
  writeFileSync(join(folder, '.env'), 'TOKEN=secret\n');
  writeFileSync(join(folder, 'notes.yaml'), 'secret: [\n');
  writeFileSync(join(folder, 'birds.jsonl'), 'secret\n');
  writeFileSync(join(folder, 'weather.yaml'), '- id: secret\n');
  mkdirSync(join(folder, 'store'));
});

async function refusal(request: { file?: string; yaml?: string }, confine = true): Promise<string> {
  const store = await LocalStore.open(join(folder, 'store'));
  const options = { store, cacheFolder: join(folder, 'cache'), confine };
  return requestedFile(folder, request)
    .then((text) => importExperiment(text, options))
    .then(
      () => 'nothing',
      (error: Error) => error.message,
    );
}

test('a file that is no experiment file by its name is not read', async () => {
  expect(await refusal({ file: '.env' })).toBe('.env: the name of an experiment file ends in .yaml or .yml');
});

test('an experiment file’s problems are shown by their places', async () => {
  const message = await refusal({ file: 'notes.yaml' });
  expect(message).toMatch(/notes\.yaml:\d+:\d+: not what an experiment file has there/);
  expect(message).not.toContain('secret');
});

test('a data file’s problems are shown by their places, and to its owner by its words', async () => {
  const yaml = SMALL;
  expect(await refusal({ yaml })).toContain('birds.jsonl:1: not a row of a dataset');
  expect(await refusal({ yaml })).not.toContain('secret');
  expect(await refusal({ yaml }, false)).toContain('secret');
  writeFileSync(
    join(folder, 'birds.jsonl'),
    '{"messages":[{"role":"user","content":"Q"},{"role":"assistant","content":"A"}]}\n',
  );
  expect(await refusal({ yaml })).toContain('its content is not what is expected there');
  expect(await refusal({ yaml })).not.toContain('secret');
});

test('the client’s own text is quoted', async () => {
  expect(await refusal({ yaml: 'own: 1\n' })).toContain('own: 1');
});
