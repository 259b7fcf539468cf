/**
 * The connection to a judge: the Anthropic SDK, held to one attempt per call, a deadline of our own, and typed failures.
 *
 * - Key and base URL come from the environment only (ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL). The SDK would otherwise
 *   walk a chain of profiles on disk, so the key is always passed explicitly. No message that leaves here holds it.
 * - `maxRetries: 0`: the SDK sleeps exactly what `retry-after` says, without jitter, unseen by anyone, and retries a
 *   spend limit. ask.ts repeats requests instead.
 * - The SDK's timeout ends when the headers are in; a stalled body hangs for ever without our own signal.
 */
import Anthropic from '@anthropic-ai/sdk';
import type { TokenTable } from '../experiment/expected-score';
import type { Instrument } from '../experiment/plan';
import { classify, NotAMessage, RequestFailed, type ClassifyContext } from './errors';
import { readRateLimits, type RateLimits } from './pacing/rate-limits';
import type { JudgeCall } from './request';
import { isStandIn } from '../experiment/stand-in';
import { proxyFor, UnusableProxy } from './proxy';
import { plainFetch, streamingFetch } from './transport';

export interface JudgeReply {
  /** All text blocks, joined; '' when there are none. */
  text: string;
  stopReason: string;
  model: string;
  requestId: string | null;
  /** Input tokens incl. those read from or written to the prompt cache. */
  inputTokens: number;
  outputTokens: number;
  /** The likeliest first tokens, where they were asked for. */
  tokens?: TokenTable;
  latencyMs: number;
  /** What the reply's headers say about the account's limits. */
  limits: RateLimits;
}

/** What the message itself says, however it came. */
export type MessageReply = Omit<JudgeReply, 'requestId' | 'latencyMs' | 'limits'>;

export interface ModelFacts {
  model: string;
  /** `active`, `deprecated`, `retired`; null from servers that do not say. */
  lifecycle: string | null;
  /** ISO time, when the model is or will be deprecated. */
  deprecatedAt: string | null;
}

export interface SendOptions {
  /** Ends the request at once; the reply is lost though perhaps paid. */
  signal: AbortSignal;
  /** The deadline of the whole exchange, body included. */
  deadlineMs: number;
}

/** What judging needs of a judge. Failures are thrown as `RequestFailed`; an abort throws the signal's reason. */
export interface JudgeClient {
  readonly judge: RemoteJudge;
  /** Host and path, where the kind of judge does not tell them. */
  readonly endpoint?: string;
  send(call: JudgeCall, options: SendOptions): Promise<JudgeReply>;
  model(id: string, options: SendOptions): Promise<ModelFacts>;
}

/** Kinds of judges that are asked over a network: a local one is asked by the GPU worker. */
export type RemoteJudge = Exclude<Instrument['judge'], 'local'>;

/** Kinds of judges that speak the Messages API. */
export type MessagesJudge = 'claude' | 'stand-in';

export interface Credentials {
  present: boolean;
  /** What to tell a person; never the key. */
  message: string;
}

/** Whether a judge can be asked with this environment, told without a request. */
export function judgeCredentials(judge: MessagesJudge, env: NodeJS.ProcessEnv): Credentials {
  if (judge === 'stand-in') return { present: true, message: 'the stand-in judge needs no key' };
  const key = env['ANTHROPIC_API_KEY']?.trim() ?? '';
  if (key === '') {
    return {
      present: false,
      message:
        'ANTHROPIC_API_KEY is not set, so Claude can not judge. Set it in the environment, ' +
        'or judge with the stand-in (--judge stand-in).',
    };
  }
  // Such a key can not be a header, and the error that fetch throws for it quotes it in full.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    return {
      present: false,
      message: 'ANTHROPIC_API_KEY holds white space, quotes or characters outside ASCII; set it to the bare key.',
    };
  }
  return { present: true, message: 'ANTHROPIC_API_KEY is set' };
}

export interface JudgeClientOptions {
  judge: MessagesJudge;
  env: NodeJS.ProcessEnv;
  /** Base URL of the stand-in judge, such as `http://127.0.0.1:4010`; required for `judge: 'stand-in'`. */
  standInUrl?: string;
}

export interface JudgeConnection {
  sdk: Anthropic;
  /** Removes the key from a message. */
  redact: (text: string) => string;
  /** The address that a path of the API is asked at. */
  at: (path: string) => string;
}

/**
 * `stream`: replies may be read as streams. Throws `RequestFailed` (stop: authentication or configuration) when the
 * environment does not allow any request.
 */
export function connectJudge(options: JudgeClientOptions, { stream = false } = {}): JudgeConnection {
  const { judge, env } = options;
  const credentials = judgeCredentials(judge, env);
  if (!credentials.present) throw stopped('authentication', credentials.message);
  const apiKey = judge === 'claude' ? (env['ANTHROPIC_API_KEY'] ?? '').trim() : 'stand-in';
  const base = baseUrl(options);
  const sdk = new Anthropic({
    apiKey,
    baseURL: base,
    maxRetries: 0,
    fetch: stream ? streamingFetch(env) : plainFetch(env),
    logger: SILENT, // the default logs to stdout, which belongs to results
    logLevel: 'off',
    openTelemetry: false,
  });
  return {
    sdk,
    redact: (text) => (judge === 'claude' ? text.replaceAll(apiKey, '[ANTHROPIC_API_KEY]') : text),
    at: (path) => base + path,
  };
}

const MESSAGES = '/v1/messages';

/** Throws as `connectJudge` does. */
export function createJudgeClient(options: JudgeClientOptions): JudgeClient {
  const { judge } = options;
  const connection = connectJudge(options);
  const { sdk, at } = connection;
  return {
    judge,
    send: (call, { signal, deadlineMs }) =>
      exchange(signal, deadlineMs, { ...connection, asked: at(MESSAGES) }, async (timed) => {
        const started = performance.now();
        const { data, response } = await sdk
          .post<unknown>(MESSAGES, {
            body: call.body, // with a content type of its own, a string goes over the wire as it is
            headers: { ...call.headers, 'content-type': 'application/json' },
            timeout: deadlineMs + 1000,
            signal: timed,
          })
          .withResponse();
        const reply = readReply(data, response, Math.round(performance.now() - started));
        refuseOtherJudge(judge, call.params.model, reply.model);
        return reply;
      }),
    model: (id, { signal, deadlineMs }) => {
      const path = `/v1/models/${encodeURIComponent(id)}`;
      return exchange(signal, deadlineMs, { ...connection, asked: at(path) }, async (timed) => {
        const { data, response } = await sdk
          .get<Record<string, unknown>>(path, { timeout: deadlineMs + 1000, signal: timed })
          .withResponse();
        if (typeof data?.['id'] !== 'string') throw notAMessage('no model', data, response);
        refuseOtherJudge(judge, id, data['id']);
        return {
          model: data['id'],
          lifecycle: typeof data['lifecycle'] === 'string' ? data['lifecycle'] : null,
          deprecatedAt: typeof data['deprecated_at'] === 'string' ? data['deprecated_at'] : null,
        };
      });
    },
  };
}

/** What words about a failed request are made with. */
export type ExchangeContext = Pick<ClassifyContext, 'redact' | 'asked'>;

/** Runs one request under the caller's signal and the deadline, and types what goes wrong. */
export async function exchange<T>(
  signal: AbortSignal,
  deadlineMs: number,
  { redact, asked }: ExchangeContext,
  request: (timed: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  // Not AbortSignal.any: on Node 20 its results stay referenced for as long as the caller's long-lived signal.
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal.addEventListener('abort', abort, { once: true });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    controller.abort();
  }, deadlineMs);
  try {
    return await request(controller.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RequestFailed) throw error;
    const failure = classify(error, { deadlineMs: late ? deadlineMs : null, redact, asked, now: Date.now() });
    throw failure === null ? error : new RequestFailed(failure);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

function readReply(data: unknown, response: Response, latencyMs: number): JudgeReply {
  const message = readMessage(data);
  if (typeof message === 'string') throw notAMessage(message, data, response);
  const requestId = response.headers.get('request-id');
  return { ...message, requestId, latencyMs, limits: readRateLimits(response.headers) };
}

/**
 * A 200 may hold anything: the SDK types HTML as a Message, and an error object, too. Returns in words what it is
 * instead of a usable message.
 */
export function readMessage(data: unknown): MessageReply | string {
  const message = data as Partial<Anthropic.Message> | null | undefined;
  if (typeof message !== 'object' || message === null || message.type !== 'message') return 'no message';
  const { content, stop_reason: stopReason, usage, model } = message;
  if (!Array.isArray(content) || typeof stopReason !== 'string' || typeof model !== 'string') {
    return 'a message without content, stop_reason or model';
  }
  const counts = [usage?.input_tokens, usage?.cache_creation_input_tokens ?? 0, usage?.cache_read_input_tokens ?? 0];
  const outputTokens = usage?.output_tokens;
  if (!counts.every(isTokenCount) || !isTokenCount(outputTokens)) return 'a message without usable token counts';
  const inputTokens = counts.reduce((sum, count) => sum + count, 0);
  const texts: unknown[] = content.flatMap((block) => (block?.type === 'text' ? [block.text] : []));
  if (!texts.every((each) => typeof each === 'string')) return 'a message whose text is none';
  const text = texts.join('');
  return { text, stopReason, model, inputTokens, outputTokens };
}

/** No model reads or writes so much in a request: a larger number would only spoil the sum of what is spent. */
const MOST_TOKENS = 100_000_000;

export function isTokenCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS;
}

export function notAMessage(what: string, data: unknown, response: Response): NotAMessage {
  const error = typeof data === 'object' && data !== null ? (data as { error?: unknown }).error : undefined;
  const kind = response.headers.get('content-type') ?? 'no content type';
  return new NotAMessage(
    `the answer (status ${response.status}, ${kind}) is ${what}`,
    typeof error === 'object' && error !== null ? error : null,
    response.headers,
  );
}

/** Scores of the stand-in must never be stored as Claude's, nor the other way round, whatever the base URL says. */
export function refuseOtherJudge(judge: RemoteJudge, asked: string, answered: string): void {
  if (answered.startsWith('stand-in') === isStandIn({ kind: judge, model: asked })) return;
  throw stopped(
    'wrong_model',
    `asked for ${asked} as judge '${judge}', but the server at the base URL answers as ${answered}. ` +
      OTHER_JUDGE[judge],
  );
}

/**
 * Without the probabilities there is no expected score, and every further request would be paid for nothing. A refusal may
 * lack them: it is a row of its own.
 */
export function requireLogprobs(
  model: string,
  { tokens, stopReason }: Pick<MessageReply, 'tokens' | 'stopReason'>,
  address = 'the server',
): void {
  if (tokens !== undefined || stopReason === 'refusal') return;
  throw stopped(
    'configuration',
    `${address} sends no log-probabilities for ${model}, which \`score: expected\` is made of. Use another model or server, or \`score: text\`.`,
  );
}

const OTHER_JUDGE: Readonly<Record<RemoteJudge, string>> = {
  claude: 'Unset ANTHROPIC_BASE_URL, or judge with --judge stand-in.',
  openai: "Mend the judge's base_url or model.",
  'stand-in': 'Another program listens where the stand-in judge should be.',
};

/** Without the `/v1` that many write there: the API's paths bring their own. */
function baseUrl({ judge, env, standInUrl }: JudgeClientOptions): string {
  const [source, text] =
    judge === 'claude'
      ? ['ANTHROPIC_BASE_URL', env['ANTHROPIC_BASE_URL']?.trim() || 'https://api.anthropic.com']
      : ["the stand-in judge's address", standInUrl ?? ''];
  return usableBaseUrl(source, text, env)
    .replace(/\/+v1$/, '')
    .replace(/\/+$/, '');
}

/** An address that requests can go to, without a slash at its end. `source`: who names it. Throws `RequestFailed`. */
export function usableBaseUrl(source: string, text: string, env: NodeJS.ProcessEnv): string {
  if (!URL.canParse(text)) throw stopped('configuration', `${source} is not a URL, such as https://api.anthropic.com.`);
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) throw stopped('configuration', `${source} must start with https:// or http://.`);
  // fetch refuses such URLs with a message that quotes the password.
  if (url.username || url.password) throw stopped('configuration', `${source} must not hold a user name or password.`);
  if (url.search || url.hash) throw stopped('configuration', `${source} must end with its path: no ? and no #.`);
  try {
    proxyFor(url, env);
  } catch (error) {
    throw error instanceof UnusableProxy ? stopped('configuration', error.message) : error;
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

export function stopped(kind: 'authentication' | 'configuration' | 'wrong_model', message: string): RequestFailed {
  return new RequestFailed({ action: 'stop', kind, message });
}

const silent = () => {};
export const SILENT = { error: silent, warn: silent, info: silent, debug: silent };
