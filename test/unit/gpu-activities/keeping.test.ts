import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { StoreUnavailable } from '../../../artifacts/store';
import { untilKept } from '../../../gpu-activities/keeping';
import type { GpuHeartbeat } from '../../../gpu-activities/operation';
import { until } from '../../support/until';

const STATE: GpuHeartbeat = { phase: 'training', detail: 'the adapter of plain', step: 9, of: 9, host: 'here' };
const full = new StoreUnavailable('the bucket: StorageFull');

let environment: MockActivityEnvironment;
let told: GpuHeartbeat[];
beforeEach(() => {
  told = [];
  environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  environment.on('heartbeat', (detail: GpuHeartbeat) => told.push({ ...detail }));
});

function keeping(commit: () => Promise<string>): Promise<string> {
  return environment.run<[], string, () => Promise<string>>(() => untilKept(STATE, commit, () => undefined));
}

test('a store that can not take it for a while is asked again, and the heartbeats say so', async () => {
  const commit = jest.fn<Promise<string>, []>().mockResolvedValue('kept').mockRejectedValueOnce(full);
  expect(await keeping(commit)).toBe('kept');
  expect(commit).toHaveBeenCalledTimes(2);
  expect(told.at(-1)).toMatchObject({
    phase: 'saving',
    detail: 'waiting for the store to take the adapter of plain: the bucket: StorageFull',
  });
});

test.each([
  ['a refusal', Object.assign(new Error('access denied'), { code: 'EACCES' })],
  ['anything that is no trouble of the store', new Error('a bug')],
])('%s ends it at once', async (_, error) => {
  const commit = jest.fn<Promise<string>, []>().mockRejectedValue(error);
  await expect(keeping(commit)).rejects.toBe(error);
  expect(commit).toHaveBeenCalledTimes(1);
});

test('trouble that may be of this host’s own disk is waited for some minutes only', async () => {
  const error = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
  const now = jest.spyOn(Date, 'now');
  const commit = jest.fn<Promise<string>, []>().mockImplementation(() => {
    now.mockReturnValue(Number(now.mock.results[0]?.value) + commit.mock.calls.length * 200_000);
    return Promise.reject(error);
  });
  await expect(keeping(commit)).rejects.toBe(error);
  expect(commit).toHaveBeenCalledTimes(2);
  now.mockRestore();
});

test('who is told to stop stops waiting', async () => {
  const commit = jest.fn<Promise<string>, []>().mockRejectedValue(full);
  const going = keeping(commit);
  await until('the first try', () => commit.mock.calls.length > 0);
  environment.cancel('CANCELLED');
  await expect(going).rejects.toMatchObject({ name: 'CancelledFailure' });
});
