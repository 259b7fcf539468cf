/**
 * Ports that people name, and free ones.
 */
import { createServer, type AddressInfo } from 'node:net';
import { freePort, portNumber } from '../../../../cli/local/ports';

test('--port takes port numbers only', () => {
  expect(portNumber(undefined)).toBe(0);
  expect(portNumber('7233')).toBe(7233);
  for (const wrong of ['abc', '', '0', '-1', '65535', '1.5'])
    expect(() => portNumber(wrong)).toThrow('not a port number');
});

test('a port that another program uses is replaced by a free one', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address() as AddressInfo;
  const other = await freePort(port);
  expect(other).not.toBe(port);
  await new Promise((closed) => server.close(closed));
  expect(await freePort(port)).toBe(port);
});

test('a port that was given a moment ago is not given again, and one beyond the last is any', async () => {
  const first = await freePort(0);
  expect(await freePort(first)).not.toBe(first);
  const any = await freePort(66_000);
  expect(any).toBeGreaterThan(0);
  expect(any).toBeLessThan(65_536);
});
