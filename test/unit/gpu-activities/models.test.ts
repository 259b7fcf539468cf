import { MockActivityEnvironment } from '@temporalio/testing';
import { safetensors } from '../../support/safetensors';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashModelFolder } from '../../../inputs/model-folder';
import type { ModelIdentity } from '../../../experiment/plan';
import { modelFor } from '../../../gpu-activities/models';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-model-'));
  writeFileSync(join(folder, 'config.json'), '{}');
  writeFileSync(join(folder, 'model.safetensors'), safetensors('weights'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const locate = (model: ModelIdentity, at: string | null): Promise<unknown> =>
  new MockActivityEnvironment().run(() =>
    modelFor({ bundled: (name) => join('/models', name), cacheFolder: join(folder, 'cache') }, model, at),
  );

test('a bundled model lies where the worker says', async () => {
  expect(await locate({ kind: 'bundled', name: 'small' }, null)).toEqual({ path: '/models/small' });
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
