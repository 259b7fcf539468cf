/**
 * A stand-in for Claude as a judge: the Anthropic wire protocol on loopback, deterministic scores (scoring.ts), a ledger
 * of what would have been paid, real rate limits and scripted faults. It never claims to be Claude: every reply names
 * `stand-in-judge-1` or `stand-in-judge-2`, and other models are unknown to it.
 *
 *   POST /v1/messages               POST /v1/messages/count_tokens        GET /v1/models, /v1/models/:id
 *   POST | GET /v1/messages/batches       GET | DELETE /v1/messages/batches/:id
 *   POST /v1/messages/batches/:id/cancel       GET /v1/messages/batches/:id/results
 * For clients of OpenAI:
 *   POST /v1/chat/completions       POST | GET /v1/files       GET | DELETE /v1/files/:id       GET /v1/files/:id/content
 *   POST | GET /v1/batches          GET /v1/batches/:id        POST /v1/batches/:id/cancel
 * Routes of its own: control.ts
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { BatchOptions } from './batch-options';
import { Batches, LARGEST_BATCH_BYTES } from './batches';
import { control } from './control';
import { VerdictEndpoint } from './verdict-endpoint';
import { HttpExchange, Refused } from './http-exchange';
import { type Fault, FaultScript } from './faults';
import type { Latency } from './latency';
import { Ledger } from './ledger';
import type { LimitOptions } from './limits';
import { type Lifecycles, Models } from './models';
import { completionOf, readChat } from './openai';
import { OpenAiBatches } from './openai-batches';
import { Files, LARGEST_UPLOAD_BYTES } from './openai-files';
import { readPageQuery } from './paging';
import { parseBody, readCounted, readMessage } from './params';
import { messageOf } from './reply';
import { Stats, type StatsReport } from './stats';

export interface StandInOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  /** Default 127.0.0.1: nobody else needs it. */
  host?: string;
  /** Ledger file; without one the ledger is in memory only. */
  ledger?: string;
  faults?: Fault[];
  /** Milliseconds that every reply of the model takes. Default 0. */
  latencyMs?: Latency;
  /** The seed of latencies, shares and orders. Default 1. */
  seed?: number;
  /** Default none. */
  limits?: LimitOptions;
  batches?: BatchOptions;
  /** Default: every model is active. */
  lifecycles?: Lifecycles;
  /** Folder in which batches outlive this process; without one they end with it. */
  state?: string;
  /** The only key accepted; without it any key is. */
  apiKey?: string;
  /** Opens the routes of control.ts; without it they are closed. */
  controlToken?: string;
  /** Called with every request of the API, for tests. */
  onRequest?: (request: ReceivedRequest) => void;
}

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface StandIn {
  port: number;
  /** What ANTHROPIC_BASE_URL or `standInUrl` is to be. */
  url: string;
  ledger: Ledger;
  setFaults(faults: Fault[]): void;
  setLimits(limits: LimitOptions): void;
  stats(): StatsReport;
  close(): Promise<void>;
}

const LARGEST_BODY = 32 * 1024 * 1024;
const LARGEST: Readonly<Record<string, number>> = {
  '/v1/messages/batches': LARGEST_BATCH_BYTES,
  '/v1/files': LARGEST_UPLOAD_BYTES,
};

/** Rejects with the system's error, such as EADDRINUSE. */
export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const judge = new StandInJudge(options);
  const server = createServer((request, response) => judge.handle(request, response));
  server.keepAliveTimeout = 65_000; // longer than clients keep idle connections, so none is closed under a request
  const host = options.host ?? '127.0.0.1';
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port ?? 0, host, resolve);
    });
  } catch (error) {
    judge.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ledger: judge.ledger,
    setFaults: (faults) => judge.faults.set(faults),
    setLimits: (limits) => judge.verdicts.setLimits(limits),
    stats: () => judge.stats.get(),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => {
          judge.close();
          if (error) reject(error);
          else resolve();
        });
        server.closeAllConnections();
      }),
  };
}

class StandInJudge {
  readonly ledger: Ledger;
  readonly faults: FaultScript;
  readonly stats = new Stats();
  readonly models: Models;
  readonly verdicts: VerdictEndpoint;
  readonly batchSettings: { options: BatchOptions };
  private readonly batches: Batches;
  private readonly files: Files;
  private readonly openAiBatches: OpenAiBatches;
  /** Request ids are unique over all processes that share a ledger, and cheap. */
  private readonly run = randomBytes(6).toString('hex');
  private requests = 0;

  constructor(private readonly options: StandInOptions) {
    const { seed = 1, state, latencyMs = 0, limits = {} } = options;
    this.ledger = new Ledger(options.ledger ?? null);
    this.faults = new FaultScript(options.faults, seed);
    this.models = new Models(options.lifecycles);
    this.verdicts = new VerdictEndpoint(this.ledger, this.faults, this.stats, latencyMs, seed);
    this.verdicts.setLimits(limits);
    this.batchSettings = { options: options.batches ?? {} };
    const { ledger, faults, models, stats, batchSettings: settings } = this;
    const folder = (name: string): string | null => (state === undefined ? null : join(state, name));
    const shared = { settings, seed, ledger, faults, models, stats };
    this.batches = new Batches({ state: folder('batches'), ...shared });
    this.files = new Files(folder('openai-files'));
    this.openAiBatches = new OpenAiBatches({ state: folder('openai-batches'), ...shared }, this.files);
  }

  close(): void {
    this.batches.close();
    this.openAiBatches.close();
    this.ledger.close();
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const id = `req_stand_in_${this.run}${(this.requests++).toString(36).padStart(8, '0')}`;
    const exchange = new HttpExchange(id, request, response);
    response.on('error', () => response.destroy()); // a client that went away
    exchange.read(LARGEST[exchange.path] ?? LARGEST_BODY, (complete) =>
      exchange.guard(() => {
        if (!complete) throw new Refused('too_large', 'request exceeds the maximum size');
        this.requireProgram(exchange);
        if (!control(exchange, this, this.options.controlToken ?? null)) this.route(exchange);
      }),
    );
  }

  private route(exchange: HttpExchange): void {
    const { method, path, body } = exchange;
    this.options.onRequest?.({ method, path, headers: exchange.request.headers, body });
    this.authenticate(exchange);
    const { verdicts, models } = this;
    const version = exchange.header('anthropic-version');
    switch (`${method} ${path}`) {
      case 'POST /v1/messages':
        return verdicts.serve(exchange, () => readMessage(parseBody(body), version, models), messageOf);
      case 'POST /v1/chat/completions':
        return verdicts.serve(exchange, () => readChat(parseBody(body)), completionOf);
      case 'POST /v1/messages/count_tokens':
        return verdicts.operate(exchange, 'count_tokens', () =>
          exchange.json(200, { input_tokens: readCounted(parseBody(body), version, models).inputTokens }),
        );
      case 'GET /v1/models':
        return verdicts.operate(exchange, 'models', () =>
          exchange.json(200, models.list(readPageQuery(exchange.query))),
        );
      case 'POST /v1/messages/batches':
        return verdicts.operate(exchange, 'batch_create', (fault) => this.batches.create(exchange, fault));
      case 'GET /v1/messages/batches':
        return verdicts.operate(exchange, 'batch_list', () => this.batches.list(exchange));
      case 'POST /v1/batches':
        return verdicts.operate(exchange, 'batch_create', (fault) => this.openAiBatches.create(exchange, fault));
      case 'GET /v1/batches':
        return verdicts.operate(exchange, 'batch_list', () => this.openAiBatches.list(exchange));
      case 'POST /v1/files':
        return verdicts.operate(exchange, 'file_upload', () => this.files.upload(exchange));
      case 'GET /v1/files':
        return verdicts.operate(exchange, 'files', () => this.files.list(exchange));
    }
    const model = /^\/v1\/models\/([^/]+)$/.exec(path)?.[1];
    if (method === 'GET' && model !== undefined) {
      return verdicts.operate(exchange, 'models', () => exchange.json(200, models.describe(model)));
    }
    const [, id, action = ''] = /^\/v1\/messages\/batches\/([^/]+)(\/[a-z]+)?$/.exec(path) ?? [];
    if (id !== undefined) return this.routeBatch(exchange, id, `${method} ${action}`);
    const [, place, own, rest = ''] = /^\/v1\/(files|batches)\/([^/]+)(\/[a-z]+)?$/.exec(path) ?? [];
    if (own !== undefined) return this.routeOpenAi(exchange, own, `${method} ${place}${rest}`);
    throw new Refused('not_found', `no such endpoint: ${method} ${path}`);
  }

  private routeBatch(exchange: HttpExchange, id: string, action: string): void {
    const { verdicts, batches } = this;
    switch (action) {
      case 'GET ':
        return verdicts.operate(exchange, 'batch_retrieve', () => batches.retrieve(exchange, id));
      case 'DELETE ':
        return verdicts.operate(exchange, 'batch_delete', () => batches.delete(exchange, id));
      case 'POST /cancel':
        return verdicts.operate(exchange, 'batch_cancel', () => batches.cancel(exchange, id));
      case 'GET /results':
        return verdicts.operate(exchange, 'batch_results', (fault) => batches.results(exchange, id, fault));
    }
    throw new Refused('not_found', `no such endpoint: ${exchange.method} ${exchange.path}`);
  }

  private routeOpenAi(exchange: HttpExchange, id: string, action: string): void {
    const { verdicts, openAiBatches, files } = this;
    switch (action) {
      case 'GET batches':
        return verdicts.operate(exchange, 'batch_retrieve', () => openAiBatches.retrieve(exchange, id));
      case 'POST batches/cancel':
        return verdicts.operate(exchange, 'batch_cancel', () => openAiBatches.cancel(exchange, id));
      case 'GET files/content':
        return verdicts.operate(exchange, 'batch_results', (fault) => files.content(exchange, id, fault));
      case 'GET files':
        return verdicts.operate(exchange, 'files', () => files.retrieve(exchange, id));
      case 'DELETE files':
        return verdicts.operate(exchange, 'files', () => files.delete(exchange, id));
    }
    throw new Refused('not_found', `no such endpoint: ${exchange.method} ${exchange.path}`);
  }

  /** Web pages have no business here: neither those that say where they are from, nor those whose name points here. */
  private requireProgram(exchange: HttpExchange): void {
    const host = (exchange.header('host') ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
    const own = isIP(host) !== 0 || host === 'localhost' || host === this.options.host;
    if (!own || exchange.header('origin') !== undefined) throw new Refused('permission', 'web pages are not served');
  }

  private authenticate(exchange: HttpExchange): void {
    const key = exchange.header('authorization')?.replace(/^Bearer /, '') ?? exchange.header('x-api-key');
    const { apiKey } = this.options;
    // like servers of one's own, the OpenAI routes need none where none is set
    const open = apiKey === undefined && exchange.header('anthropic-version') === undefined;
    if (!key && open && !exchange.path.startsWith('/v1/messages')) return;
    if (!key) throw new Refused('authentication', 'send the key as Authorization: Bearer or x-api-key');
    if (apiKey !== undefined && key !== apiKey) throw new Refused('authentication', 'invalid key');
  }
}
