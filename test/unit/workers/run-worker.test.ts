/** What becomes of a worker that does not get as far as its work. */
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { freePort } from '../../../workers/metrics-server';
import { watchPeers } from '../../../workers/peers';
import { awaitTemporal } from '../../../workers/ready';
import { runWorker } from '../../../workers/run-worker';

jest.mock('../../../workers/ready', () => ({ awaitTemporal: jest.fn() }));
jest.mock('../../../workers/peers', () => ({ ...jest.requireActual('../../../workers/peers'), watchPeers: jest.fn() }));

const peers = { onStranger: jest.fn(), stop: jest.fn() };
const runtime = { shutdown: jest.fn(async () => undefined) };
const connection = { workflowService: {}, close: jest.fn(async () => undefined) };
const settings = { name: 'gpu', taskQueue: 'gpu', storeId: 'aaaa', kin: 'checked' } as const;

beforeEach(() => {
  process.env['FLAMINGO_LOG_LEVEL'] = 'silent';
  jest.mocked(watchPeers).mockResolvedValue(peers);
  jest.spyOn(Runtime, 'install').mockReturnValue(runtime as unknown as Runtime);
  jest.spyOn(NativeConnection, 'connect').mockResolvedValue(connection as unknown as NativeConnection);
});
afterEach(() => {
  delete process.env['FLAMINGO_LOG_LEVEL'];
  delete process.env['FLAMINGO_METRICS'];
  jest.restoreAllMocks();
  for (const each of [peers.stop, runtime.shutdown, connection.close]) each.mockClear();
});

test('one that fails to start leaves no watch and no connection', async () => {
  jest.spyOn(Worker, 'create').mockRejectedValue(new Error('no such namespace'));
  await expect(runWorker(settings)).rejects.toThrow('no such namespace');
  expect(peers.stop).toHaveBeenCalled();
  expect(connection.close).toHaveBeenCalledTimes(1);
});

test('what it failed of is said, and not that its connection has a worker that never ran', async () => {
  jest.spyOn(Worker, 'create').mockResolvedValue({ getState: () => 'INITIALIZED' } as unknown as Worker);
  connection.close.mockRejectedValueOnce(new Error('Cannot close connection while Workers hold a reference to it'));
  const facts = (): Promise<never> => Promise.reject(new Error('no device'));
  await expect(runWorker({ ...settings, facts })).rejects.toThrow('no device');
  expect(peers.stop).toHaveBeenCalled();
});

test('without a connection the runtime is ended, which would hold the process', async () => {
  jest.mocked(NativeConnection.connect).mockRejectedValue(new Error('refused'));
  await expect(runWorker(settings)).rejects.toThrow('refused');
  expect(runtime.shutdown).toHaveBeenCalled();
});

test('while it waits for its server it says that it takes no work, and a signal ends it at once, as it was told', async () => {
  const metricsAt = `127.0.0.1:${await freePort()}`;
  process.env['FLAMINGO_METRICS'] = metricsAt;
  const exit = jest.spyOn(process, 'exit').mockReturnValue(undefined as never);
  const before = process.listenerCount('SIGTERM');
  jest.mocked(awaitTemporal).mockImplementationOnce(async () => {
    expect((await fetch(`http://${metricsAt}/healthz`)).status).toBe(503);
    process.emit('SIGTERM');
    expect(exit).toHaveBeenCalledWith(0);
    throw new Error('the time is over');
  });
  await expect(runWorker(settings)).rejects.toThrow('the time is over');
  expect(process.listenerCount('SIGTERM')).toBe(before);
  await expect(fetch(`http://${metricsAt}/healthz`)).rejects.toThrow();
});

test('it says which server it connects to before it does, and that nobody named it', async () => {
  const told: string[] = [];
  const connected = Object.getOwnPropertyDescriptor(process, 'connected');
  const { send } = process;
  const address = process.env['TEMPORAL_ADDRESS'];
  delete process.env['TEMPORAL_ADDRESS'];
  Object.defineProperty(process, 'connected', { value: true, configurable: true });
  process.send = (({ say }: { say: string }) => told.push(say)) as never;
  jest.mocked(awaitTemporal).mockImplementationOnce(() => Promise.reject(new Error(told.join('\n'))));
  try {
    await expect(runWorker(settings)).rejects.toThrow(
      /server at localhost:7233 \(the default: neither TEMPORAL_ADDRESS/,
    );
  } finally {
    Object.assign(process, { send });
    if (connected === undefined) delete (process as { connected?: boolean }).connected;
    else Object.defineProperty(process, 'connected', connected);
    if (address !== undefined) process.env['TEMPORAL_ADDRESS'] = address;
  }
});
