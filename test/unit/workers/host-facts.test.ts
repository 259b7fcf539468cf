import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cachedModels, describeGpus, deviceFacts } from '../../../workers/host-facts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-host-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function smi(script: string): NodeJS.ProcessEnv {
  writeFileSync(join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'nvidia-smi'), 0o755);
  return { PATH: `${folder}:/usr/bin:/bin` };
}

it('names the device that the trainer will use', async () => {
  expect(await deviceFacts(smi('echo "NVIDIA H200, 143771"'))).toBe('NVIDIA H200, 140 GiB');
  const second = smi('case "$*" in *--id=1*) echo "Tesla T4, 15360";; *) echo all;; esac');
  expect(await deviceFacts({ ...second, CUDA_VISIBLE_DEVICES: '1,0' })).toBe('Tesla T4, 15 GiB');
  expect(describeGpus(['A, 1024', 'A, 1024'])).toMatch(/^A, 1 GiB \(the first of 2;/);
});

it('says when there is none, and when the driver is broken', async () => {
  const none = /^no GPU: models run on the CPU \(\d+ cores, \d+ GiB\)$/;
  expect(await deviceFacts({ PATH: folder })).toMatch(none);
  expect(await deviceFacts({ ...smi('echo "NVIDIA H200, 143771"'), CUDA_VISIBLE_DEVICES: '' })).toMatch(none);
  expect(await deviceFacts(smi('exit 9'))).toMatch(/nvidia-smi fails/);
});

it('lists the hub’s models that are here', async () => {
  mkdirSync(join(folder, 'hub', 'models--org--small-model'), { recursive: true });
  mkdirSync(join(folder, 'hub', 'datasets--org--rows'), { recursive: true });
  const models = await cachedModels({ HF_HOME: folder });
  expect(models).toContain('org/small-model');
  expect(models.filter((name) => name.includes('rows'))).toEqual([]);
});
