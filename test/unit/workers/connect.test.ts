import { TransportError, type NativeConnection } from '@temporalio/worker';
import { connectPatiently } from '../../../workers/connect';

const connection = {} as NativeConnection;
const down = (): Promise<never> => Promise.reject(new TransportError('connection refused'));

it('waits for a server that is not up yet, and says so once', async () => {
  let tries = 0;
  const pauses: number[] = [];
  const said: string[] = [];
  const connected = await connectPatiently(
    { address: 'temporal.lab:7233' },
    { signal: new AbortController().signal, waiting: (line) => said.push(line) },
    () => ((tries += 1) < 12 ? down() : Promise.resolve(connection)),
    (ms) => Promise.resolve(void pauses.push(ms)),
  );
  expect(connected).toBe(connection);
  expect(said).toEqual(['waiting for the Temporal server at temporal.lab:7233: connection refused']);
  expect(pauses.slice(0, 3)).toEqual([500, 750, 1125]);
  expect(Math.max(...pauses)).toBe(10_000);
});

it('ends when the worker is told to', async () => {
  const over = new AbortController();
  const connecting = connectPatiently({}, { signal: over.signal, waiting: () => undefined }, down, () =>
    Promise.resolve(over.abort()),
  );
  expect(await connecting).toBeNull();
});

it('throws what no waiting mends', async () => {
  const broken = (): Promise<never> => Promise.reject(new TypeError('the certificate is none'));
  const patience = { signal: new AbortController().signal, waiting: () => undefined };
  await expect(connectPatiently({}, patience, broken)).rejects.toThrow('the certificate is none');
});
