import { MockActivityEnvironment } from '@temporalio/testing';
import { safetensors } from '../../support/safetensors';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashModelFolder } from '../../../inputs/model-folder';
import type { ModelIdentity } from '../../../experiment/plan';
import { modelFor, requireJudgeModels } from '../../../gpu-activities/models';
import type { Plan, PlannedConfiguration } from '../../../experiment/plan';
import { recordModel } from '../../../tools/record-model.cjs';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-model-'));
  writeFileSync(join(folder, 'config.json'), '{}');
  writeFileSync(join(folder, 'model.safetensors'), safetensors('weights'));
});
afterEach(() => rmSync(folder, { recursive: true }));

let made: Record<string, string>;

const locate = (model: ModelIdentity, at: string | null): Promise<unknown> =>
  new MockActivityEnvironment().run(() =>
    modelFor({ bundled: () => folder, bundledFiles: () => made, cacheFolder: join(folder, 'cache') }, model, at),
  );

describe('a bundled model', () => {
  beforeEach(() => {
    recordModel(folder, join(folder, 'record'));
    ({ files: made } = JSON.parse(readFileSync(join(folder, 'record'), 'utf8')) as { files: Record<string, string> });
  });

  test('is used where its files are those that set-up wrote down', async () => {
    expect(Object.keys(made)).toEqual(['config.json', 'model.safetensors']);
    expect(await locate({ kind: 'bundled', name: 'small' }, null)).toEqual({ path: folder });
  });

  test.each([
    [
      'other weights',
      () => writeFileSync(join(folder, 'model.safetensors'), safetensors('weightz')),
      'model.safetensors',
    ],
    ['a file more', () => writeFileSync(join(folder, 'chat_template.jinja'), 'x'), 'chat_template.jinja'],
    ['a file less', () => (made = { ...made, 'tokenizer.json': 'a'.repeat(64) }), 'tokenizer.json'],
  ])('with %s is refused, without retry', async (_, change, file) => {
    change();
    await expect(locate({ kind: 'bundled', name: 'small' }, null)).rejects.toMatchObject({
      type: 'InvalidInput',
      nonRetryable: true,
      message: expect.stringMatching(new RegExp(`/${file} on .* is not what set-up made: .*npm run setup`)) as string,
    });
  });
});

test('a local model that is what was planned with is used', async () => {
  const sha256 = await hashModelFolder(folder, join(folder, 'cache'));
  expect(await locate({ kind: 'folder', sha256 }, folder)).toEqual({ path: folder });
});

test.each([
  [
    'weights changed',
    () => writeFileSync(join(folder, 'model.safetensors'), safetensors('other weights')),
    'planned with',
  ],
  ['weights are gone', () => rmSync(join(folder, 'model.safetensors')), 'no .safetensors weights'],
])('a local model whose %s after planning is refused, without retry', async (_, change, message) => {
  const sha256 = await hashModelFolder(folder, join(folder, 'cache'));
  change();
  await expect(locate({ kind: 'folder', sha256 }, folder)).rejects.toMatchObject({
    type: 'InvalidInput',
    nonRetryable: true,
    message: expect.stringContaining(message) as string,
  });
});

test('the judges of what is to be fine-tuned are looked at, others are not', async () => {
  const sha256 = await hashModelFolder(folder, join(folder, 'cache'));
  const instrument = (model: ModelIdentity | null) =>
    model === null ? {} : { local: { version: 1, precision: 'fp32', model } };
  const plan = {
    instruments: {
      api: instrument(null),
      folder: instrument({ kind: 'folder', sha256 }),
      gone: instrument({ kind: 'folder', sha256: '0'.repeat(64) }),
      hub: instrument({ kind: 'hub', id: 'a/b', revision: 'c'.repeat(40) }),
    },
  } as unknown as Plan;
  const cellsAsking = (...keys: string[]) =>
    ({
      cells: [{ metrics: keys.map((key) => ({ metric: 'm', instrumentOf: { q: key } })) }],
    }) as unknown as PlannedConfiguration;
  const models = { bundled: () => folder, bundledFiles: () => made, cacheFolder: join(folder, 'cache') };
  const looked = (...keys: string[]): Promise<void> =>
    new MockActivityEnvironment().run(() =>
      requireJudgeModels(models, { plan, judgeFolders: { [sha256]: folder } }, cellsAsking(...keys)),
    );
  await looked('api', 'folder', 'hub', 'a scorer');
  await expect(looked('gone')).rejects.toMatchObject({ type: 'InvalidInput', nonRetryable: true });
  writeFileSync(join(folder, 'model.safetensors'), safetensors('other'));
  await looked('api', 'hub');
  await expect(looked('folder')).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringContaining('the experiment was planned with') as string,
  });
});
