/**
 * Ports that people name, and free loopback ports.
 */
import { createServer } from 'node:net';
import { InvalidUse } from '../errors';

function listen(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}

export async function isFree(port: number): Promise<boolean> {
  return (await listen(port)) !== null;
}

/** `wanted` when it is free, else one that the system chooses. */
export async function freePort(wanted: number): Promise<number> {
  const port = (await listen(wanted)) ?? (await listen(0));
  if (port === null) throw new Error('no free loopback port');
  return port;
}

/** The value of `--port`; 0, any free port, when it is left out. */
export function portNumber(text: string | undefined): number {
  if (text === undefined) return 0;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_534) throw new InvalidUse(`--port ${text}: not a port number`);
  return port;
}
