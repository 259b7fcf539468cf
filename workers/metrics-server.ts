/**
 * `/metrics` and `/healthz` of a worker, on the address that FLAMINGO_METRICS names; on loopback unless it names another.
 *
 * The SDK serves metrics by itself, on any path's behalf and to whoever asks, so it gets a port of its own on loopback, and this
 * server hands on what it says: not to web pages, and not under a name that somebody pointed at this machine.
 */
import { createServer, type Server } from 'node:http';
import getPort from 'get-port';
import { isIP } from 'node:net';
import { Agent, request } from 'undici';
import { isLoopback } from '../judge/proxy';

export interface Listening {
  host: string;
  port: number;
}

/** `HOST:PORT` or `PORT`; null where nothing is asked for. Throws when it is neither. */
export function metricsAddress(env: NodeJS.ProcessEnv): Listening | null {
  const text = env['FLAMINGO_METRICS'];
  if (!text) return null;
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]:|([^:]*):)?(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? (plain || '127.0.0.1');
  if (port === undefined || Number(port) > 65_535 || (isIP(host) === 0 && host !== 'localhost'))
    throw new Error(`FLAMINGO_METRICS=${text}: expected ADDRESS:PORT or PORT, such as 127.0.0.1:9464`);
  return { host, port: Number(port) };
}

/** For the SDK's exporter: a free port on loopback. */
export function freePort(): Promise<number> {
  return getPort({ host: '127.0.0.1' });
}

export interface MetricsServer {
  /** `HOST:PORT`, in which 0 has become a real port. */
  readonly address: string;
  close(): void;
}

const REPLY_MS = 5_000;

/** `inner`: the port of the SDK's exporter on loopback. `healthy`: whether this worker takes work. */
export async function serveMetrics(
  { host, port }: Listening,
  inner: number,
  healthy: () => boolean,
): Promise<MetricsServer> {
  const dispatcher = new Agent();
  const server = createServer((asked, reply) => {
    const answer = (status: number, text: string): void =>
      void reply.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
    if (asked.headers.origin !== undefined || !isOwnName(asked.headers.host ?? '', host))
      return answer(403, 'not for web pages\n');
    if (asked.method !== 'GET') return answer(405, 'GET\n');
    if (asked.url === '/healthz') return healthy() ? answer(200, 'ok\n') : answer(503, 'takes no work\n');
    if (asked.url !== '/metrics') return answer(404, '/metrics, /healthz\n');
    const signal = AbortSignal.timeout(REPLY_MS);
    request(`http://127.0.0.1:${inner}/metrics`, { dispatcher, signal })
      .then(async ({ body }) => answer(200, await body.text()))
      .catch(() => answer(503, 'no metrics yet\n'));
  });
  await listen(server, host, port);
  const bound = server.address() as { port: number };
  return {
    address: `${isIP(host) === 6 ? `[${host}]` : host}:${bound.port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
      void dispatcher.close();
    },
  };
}

/** Of a server on loopback only loopback's own names; on other addresses Prometheus may know it by any. */
function isOwnName(header: string, host: string): boolean {
  const everywhere = host === '0.0.0.0' || host === '::';
  return everywhere || !isLoopback(host) || named(header);
}

function named(header: string): boolean {
  const url = `http://${header}`;
  return URL.canParse(url) && isLoopback(new URL(url).hostname.replace(/^\[(.*)\]$/, '$1'));
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`FLAMINGO_METRICS: ${host}:${port} can not be listened on: ${error.message}`)),
    );
    server.listen(port, host, resolve);
  });
}
