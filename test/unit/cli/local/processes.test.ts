/** Who listens on a port: told from another program that took it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { listensOn } from '../../../../cli/local/processes';
import { isFree } from '../../../../cli/local/ports';

test('a port belongs to the process that listens on it, and to no other one', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  try {
    expect(listensOn(process.pid, port)).toBe(true);
    expect(listensOn(other.pid as number, port)).toBe(false);
    expect(await isFree(port)).toBe(false);
  } finally {
    other.kill('SIGKILL');
    await once(other, 'exit');
    server.close();
    await once(server, 'close');
  }
  expect(listensOn(process.pid, port)).toBe(false);
  expect(listensOn(other.pid as number, port)).toBe(false);
  expect(await isFree(port)).toBe(true);
});
