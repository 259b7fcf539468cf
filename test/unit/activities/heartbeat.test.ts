/** Who hears of an activity that runs. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { withHeartbeat } from '../../../activities/heartbeat';

async function heartbeats(isLocal: boolean): Promise<unknown[]> {
  const environment = new MockActivityEnvironment({ isLocal });
  const heard: unknown[] = [];
  environment.on('heartbeat', (detail: unknown) => heard.push(detail));
  await environment.run(() => withHeartbeat('cell', () => Promise.resolve()));
  return heard;
}

test('the server, of one that it has scheduled', async () => {
  expect(await heartbeats(false)).toEqual(['cell']);
});

test('nobody, of one within a workflow task', async () => {
  expect(await heartbeats(true)).toEqual([]);
});
