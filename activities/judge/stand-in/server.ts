/**
 * A stand-in for Claude as a judge: the Anthropic wire protocol on loopback, deterministic scores (scoring.ts), a ledger
 * of what would have been paid, and scripted faults. It never claims to be Claude: every reply names `stand-in-judge-1`,
 * and other models are unknown to it.
 *
 *   POST /v1/messages               GET /v1/models/:id             POST /v1/messages/count_tokens
 *   GET  /healthz                   GET /ledger                    GET | POST | DELETE /faults
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ZodError } from 'zod';
import { sha256 } from '../../../experiment/canonical';
import { STAND_IN_MODEL } from '../client';
import { JUDGEMENT_HEADER } from '../request';
import { sleep } from '../sleep';
import { API_ERRORS, type ApiErrorKind, type Fault, FaultScript, parseFaults } from './faults';
import { Ledger } from './ledger';
import { RubricNotScorable, score } from './scoring';

export interface StandInOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  /** Default 127.0.0.1: nobody else needs it. */
  host?: string;
  /** Ledger file; without one the ledger is in memory only. */
  ledger?: string;
  faults?: Fault[];
  /** Added to every reply of the model. Default 0. */
  latencyMs?: number;
  /** The only key accepted; without it any key is. */
  apiKey?: string;
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
  /** For ANTHROPIC_BASE_URL or `standInUrl`. */
  url: string;
  ledger: Ledger;
  setFaults(faults: Fault[]): void;
  close(): Promise<void>;
}

const LARGEST_BODY = 32 * 1024 * 1024;

class Refused extends Error {
  constructor(
    readonly kind: ApiErrorKind,
    message: string,
  ) {
    super(message);
  }
}

/** Rejects with the system's error, such as EADDRINUSE. */
export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const judge = new StandInJudge(options);
  const server = createServer((request, response) => void judge.handle(request, response));
  server.keepAliveTimeout = 65_000; // longer than clients keep idle connections, so none is closed under a request
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ledger: judge.ledger,
    setFaults: (faults) => judge.faults.set(faults),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

class StandInJudge {
  readonly ledger: Ledger;
  readonly faults: FaultScript;

  constructor(private readonly options: StandInOptions) {
    this.ledger = new Ledger(options.ledger ?? null);
    this.faults = new FaultScript(options.faults);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = `req_stand_in_${randomUUID().replaceAll('-', '')}`;
    response.setHeader('request-id', id);
    response.on('error', () => response.destroy()); // a client that went away
    try {
      const body = await readBody(request);
      await this.route(request, response, body, id);
    } catch (error) {
      if (response.headersSent || response.destroyed) response.destroy();
      else if (error instanceof Refused) sendError(response, error.kind, id, { message: error.message });
      else sendError(response, 'server_error', id, { message: String(error) });
    }
  }

  private async route(request: IncomingMessage, response: ServerResponse, body: string, id: string): Promise<void> {
    const method = request.method ?? '';
    const path = new URL(request.url ?? '/', 'http://stand-in').pathname;
    switch (`${method} ${path}`) {
      case 'GET /healthz':
        return sendJson(response, 200, { ok: true, model: STAND_IN_MODEL });
      case 'GET /ledger':
        return sendJson(response, 200, this.ledger.summary());
      case 'POST /faults':
        this.faults.set(readFaults(body));
        return sendJson(response, 200, { faults: this.faults.pending() });
      case 'DELETE /faults':
        this.faults.set([]);
        return sendJson(response, 200, { faults: [] });
      case 'GET /faults':
        return sendJson(response, 200, { faults: this.faults.pending() });
    }
    this.options.onRequest?.({ method, path, headers: request.headers, body });
    this.authenticate(request);
    if (method === 'POST' && path === '/v1/messages') return this.message(request, response, body, id);
    if (method === 'POST' && path === '/v1/messages/count_tokens') {
      return sendJson(response, 200, { input_tokens: tokens(readPrompt(body).prompt) });
    }
    const model = /^\/v1\/models\/([^/]+)$/.exec(path)?.[1];
    if (method === 'GET' && model !== undefined) {
      checkModel(decodeURIComponent(model));
      return sendJson(response, 200, {
        type: 'model',
        id: STAND_IN_MODEL,
        display_name: 'Stand-in judge (a program, not a model)',
        created_at: '2026-01-01T00:00:00Z',
        lifecycle: 'active',
        deprecated_at: null,
      });
    }
    throw new Refused('unknown_model', `no such endpoint: ${method} ${path}`);
  }

  private async message(request: IncomingMessage, response: ServerResponse, body: string, id: string): Promise<void> {
    const version = header(request, 'anthropic-version');
    const { prompt, params } = readPrompt(body);
    const fault = this.faults.next(prompt);
    if (fault !== null && fault.kind in API_ERRORS) return sendError(response, fault.kind as ApiErrorKind, id, fault);
    if (fault?.kind === 'html_200' || fault?.kind === 'html_502') {
      response.writeHead(fault.kind === 'html_200' ? 200 : 502, { 'content-type': 'text/html' });
      return void response.end('<html><body>A proxy speaks.</body></html>');
    }
    if (fault?.kind === 'wrong_shape') return sendJson(response, 200, { hello: 'world' });
    if (fault?.kind === 'reset') return void request.socket.resetAndDestroy();
    checkParams(params, version);
    const verdict = replyTo(prompt, fault);
    this.ledger.add({
      at: new Date().toISOString(),
      sha256: sha256(body),
      id,
      judgement: header(request, JUDGEMENT_HEADER) ?? null,
    });
    const pause = (this.options.latencyMs ?? 0) + (fault?.kind === 'slow' ? (fault.ms ?? 1000) : 0);
    if (pause > 0) await sleep(pause, endOf(response));
    const reply = JSON.stringify({
      id: `msg_stand_in_${sha256(body).slice(0, 24)}`,
      type: 'message',
      role: 'assistant',
      model: STAND_IN_MODEL,
      content: verdict.text === '' ? [] : [{ type: 'text', text: verdict.text }],
      stop_reason: verdict.stopReason,
      stop_sequence: null,
      usage: {
        input_tokens: tokens(prompt),
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        output_tokens: tokens(verdict.text),
      },
    });
    response.setHeader('content-type', 'application/json');
    const half = reply.slice(0, reply.length / 2);
    if (fault?.kind === 'malformed') return void response.end(half);
    response.setHeader('content-length', Buffer.byteLength(reply));
    if (fault?.kind === 'cut_body') return void response.write(half, () => response.destroy());
    if (fault?.kind === 'stalled_body') return void response.write(half);
    response.end(reply);
  }

  private authenticate(request: IncomingMessage): void {
    const key = header(request, 'authorization')?.replace(/^Bearer /, '') ?? header(request, 'x-api-key');
    if (!key) throw new Refused('authentication', 'send the key as Authorization: Bearer or x-api-key');
    const { apiKey } = this.options;
    if (apiKey !== undefined && key !== apiKey) throw new Refused('authentication', 'invalid key');
  }
}

interface Params {
  model?: unknown;
  max_tokens?: unknown;
  temperature?: unknown;
  messages?: unknown;
}

/** The API's own rules, as far as a judge can break them. */
function checkParams(params: Params, version: string | undefined): void {
  checkModel(params.model);
  if (version === undefined) throw new Refused('bad_request', 'anthropic-version: header is required');
  if (!Number.isInteger(params.max_tokens) || Number(params.max_tokens) < 1) {
    throw new Refused('bad_request', 'max_tokens: must be a positive integer');
  }
  if (params.temperature === undefined) return;
  if (version !== '2023-06-01') throw new Refused('bad_request', 'temperature: Extra inputs are not permitted');
  if (typeof params.temperature !== 'number' || params.temperature < 0 || params.temperature > 1) {
    throw new Refused('bad_request', 'temperature: must be between 0 and 1');
  }
}

function checkModel(model: unknown): void {
  if (model === STAND_IN_MODEL) return;
  throw new Refused('unknown_model', `model: ${String(model)}: this is a stand-in that serves only ${STAND_IN_MODEL}`);
}

function readPrompt(body: string): { prompt: string; params: Params } {
  let params: Params | null;
  try {
    params = JSON.parse(body) as Params | null;
  } catch {
    throw new Refused('bad_request', 'the request body is not valid JSON');
  }
  const messages = Array.isArray(params?.messages) ? (params.messages as { role?: unknown; content?: unknown }[]) : [];
  const last = messages.at(-1);
  if (last?.role !== 'user' || typeof last.content !== 'string') {
    throw new Refused('bad_request', 'messages: the last one must be of the user, its content a string');
  }
  if (!last.content.isWellFormed()) throw new Refused('bad_request', 'the request body has no low surrogate in string');
  return { prompt: last.content, params: params! };
}

interface Reply {
  text: string;
  stopReason: string;
}

const SCRIPTED: Partial<Record<Fault['kind'], Reply>> = {
  refusal: { text: '', stopReason: 'refusal' },
  empty: { text: '', stopReason: 'end_turn' },
  max_tokens: { text: '8', stopReason: 'max_tokens' },
  prose: { text: "I'd say 15/100", stopReason: 'end_turn' },
  out_of_range: { text: '150', stopReason: 'end_turn' },
};

function replyTo(prompt: string, fault: Fault | null): Reply {
  const scripted = fault === null ? undefined : SCRIPTED[fault.kind];
  if (scripted !== undefined) return scripted;
  try {
    return { text: String(score(prompt)), stopReason: 'end_turn' };
  } catch (error) {
    if (error instanceof RubricNotScorable) throw new Refused('bad_request', error.message);
    throw error;
  }
}

/** Aborted when the client has gone, or the server closes. */
function endOf(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}

function readFaults(body: string): Fault[] {
  try {
    return parseFaults(JSON.parse(body));
  } catch (error) {
    const reason = error instanceof ZodError ? error.issues.map(({ message }) => message).join('; ') : 'not JSON';
    throw new Refused('bad_request', `no list of faults: ${reason}`);
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= LARGEST_BODY) chunks.push(chunk);
  }
  if (length > LARGEST_BODY) throw new Refused('too_large', 'request exceeds the maximum size');
  return Buffer.concat(chunks).toString('utf8');
}

function sendError(
  response: ServerResponse,
  kind: ApiErrorKind,
  id: string,
  { message, retryAfter }: Pick<Fault, 'message' | 'retryAfter'>,
): void {
  const known: { status: number; type: string; errorCode?: string; message: string; retryAfter?: string } =
    API_ERRORS[kind];
  const after = retryAfter ?? known.retryAfter ?? '';
  if (after !== '') response.setHeader('retry-after', after);
  const details = known.errorCode === undefined ? {} : { details: { error_code: known.errorCode } };
  const error = { type: known.type, message: message ?? known.message, ...details };
  sendJson(response, known.status, { type: 'error', error, request_id: id });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** About four characters of English are a token. */
function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}
