/**
 * Stands between an S3 client and its server, and does to requests what networks and busy servers do. Tests say which
 * request meets what.
 */
import {
  Agent,
  createServer,
  request as forward,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type Fault =
  /** The server answers an error. */
  | { status: number; code: string }
  /** The connection is reset before anything was done. */
  | 'reset'
  /** The request is carried out, its answer gets lost. */
  | 'lost'
  /** Half of the answer's body, then a reset. */
  | 'cut'
  /** The server is not asked, and all seems well. */
  | 'pretended'
  | { delayMs: number };

export interface Request {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingMessage['headers'];
  bytes: number;
}

export class FaultProxy {
  readonly requests: Request[] = [];
  /** What happens to a request; nothing by default. */
  faults: (request: Request) => Fault | null = () => null;
  private readonly agent = new Agent({ keepAlive: true });

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async start(target: string): Promise<FaultProxy> {
    const server = createServer();
    const proxy = new FaultProxy(server, new URL(target));
    server.on('request', (incoming, answer) => void proxy.pass(incoming, answer).catch(() => answer.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The next request that fits meets this fault, and others what they met before. */
  once(fault: Fault, fits: (request: Request) => boolean): void {
    const before = this.faults;
    let done = false;
    this.faults = (request) => {
      if (done || !fits(request)) return before(request);
      done = true;
      return fault;
    };
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
    this.agent.destroy();
  }

  private async pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = 'GET', url: path = '/', headers } = incoming;
    const request: Request = { method, path, headers, bytes: body.length };
    this.requests.push(request);
    const fault = this.faults(request);
    if (fault === 'reset') return void incoming.socket.resetAndDestroy();
    if (fault === 'pretended') return void answer.writeHead(200, { etag: '"pretended"' }).end();
    if (fault !== null && typeof fault === 'object') {
      if ('delayMs' in fault) await sleep(fault.delayMs);
      else {
        const text = `<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>made up</Message></Error>`;
        return void answer.writeHead(fault.status, { 'content-type': 'application/xml' }).end(text);
      }
    }
    const { hostname, port } = this.target;
    const { agent } = this;
    const { response, text } = await new Promise<{ response: IncomingMessage; text: Buffer }>((resolve, reject) => {
      const outgoing = forward({ hostname, port, method, path, headers, agent });
      outgoing.once('error', reject).once('response', (found: IncomingMessage) => {
        const parts: Buffer[] = [];
        found.on('data', (part: Buffer) => parts.push(part)).once('error', reject);
        found.once('end', () => resolve({ response: found, text: Buffer.concat(parts) }));
      });
      outgoing.end(body);
    });
    if (fault === 'lost') return void incoming.socket.resetAndDestroy();
    answer.writeHead(response.statusCode ?? 500, response.headers);
    if (fault !== 'cut') return void answer.end(text);
    answer.write(text.subarray(0, Math.floor(text.length / 2)), () => incoming.socket.resetAndDestroy());
  }
}
