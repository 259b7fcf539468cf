/**
 * Ports that people name, and free loopback ports.
 */
import { createServer } from 'node:net';
import getPort from 'get-port';
import { InvalidUse } from '../errors';

const LAST_PORT = 65_535;

/**
 * `wanted` when it is free, else one that the system chooses; 0 = any. A port that this process was given in the last
 * quarter of a minute is not given again.
 */
export async function freePort(wanted: number): Promise<number> {
  return getPort({ host: '127.0.0.1', port: wanted <= LAST_PORT ? wanted : 0 });
}

/** Whether nothing listens on the loopback port now; unlike `freePort` it may be asked about a port again and again. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
    await new Promise((resolve) => server.close(resolve));
    return true;
  } catch {
    return false;
  }
}

/** The value of `--port`; 0, any free port, when it is left out. */
export function portNumber(text: string | undefined): number {
  if (text === undefined) return 0;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port >= LAST_PORT)
    throw new InvalidUse(`--port ${text}: not a port number`);
  return port;
}
