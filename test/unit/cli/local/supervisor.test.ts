/** What the services of an embedded server are given of the person's environment. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalFiles } from '../../../../cli/local/state';
import { serviceEnvironment } from '../../../../cli/local/supervisor';

test('workers of an embedded server serve its own queues, are of no deployment, and end with their supervisor', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flamingo-supervisor-'));
  const meantForOthers = {
    FLAMINGO_GPU_QUEUE: 'flamingo-gpu-80gb',
    FLAMINGO_DEPLOYMENT: 'pinned',
    FLAMINGO_BUILD_ID: 'b1',
    FLAMINGO_EXIT_WHEN_IDLE: '10m',
    FLAMINGO_SPOT: 'auto',
    FLAMINGO_METRICS: '9464',
    TEMPORAL_ADDRESS: 'temporal.lab:7233',
  };
  const given = serviceEnvironment('GPU worker', new LocalFiles(folder), {
    ...meantForOthers,
    FLAMINGO_LOG_LEVEL: 'warn',
  });
  expect(given).toMatchObject({ FLAMINGO_LOG_LEVEL: 'warn', FLAMINGO_EMBEDDED: '1' });
  expect(Object.keys(meantForOthers).filter((name) => name in given)).toEqual([]);
  rmSync(folder, { recursive: true });
});
