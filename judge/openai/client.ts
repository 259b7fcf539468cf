/**
 * The connection to an OpenAI-compatible server: the `openai` package, held to one attempt per call, a deadline of our own,
 * and the failures of judge/errors.ts.
 *
 * Address and key are the judge's own, never the package's defaults: it would read OPENAI_BASE_URL, and send the key of
 * OPENAI_API_KEY wherever the address points.
 */
import OpenAI from 'openai';
import { endpointIdentity } from '../../experiment/endpoint';
import type { JudgeEndpoint } from '../../experiment/spec';
import {
  exchange,
  type JudgeClient,
  type JudgeReply,
  notAMessage,
  refuseOtherJudge,
  requireLogprobs,
  SILENT,
  stopped,
  usableBaseUrl,
} from '../client';
import { RequestFailed } from '../errors';
import { readRateLimits } from '../pacing/rate-limits';
import type { JudgeCall } from '../request';
import { plainFetch, streamingFetch } from '../transport';
import { readCompletion } from './completion';
import { endpointCredentials, EndpointKey, type RenewKey } from './key';

export interface EndpointOptions {
  endpoint: JudgeEndpoint;
  env: NodeJS.ProcessEnv;
  /** Default: nothing renews a key. */
  renewKey?: RenewKey;
}

/** Null removes the package's own. */
export interface KeyHeader {
  authorization: string | null;
}

export interface EndpointConnection {
  sdk: OpenAI;
  redact: (text: string) => string;
  at: (path: string) => string;
  /** Asks with the header that holds the key, and once more with a new key when the server refuses it. */
  withKey: <T>(ask: (headers: KeyHeader) => Promise<T>) => Promise<T>;
}

/** Throws `RequestFailed` (stop: authentication or configuration) when the environment does not allow any request. */
export function connectEndpoint(
  { endpoint, env, renewKey = () => Promise.resolve(null) }: EndpointOptions,
  { stream = false } = {},
): EndpointConnection {
  const credentials = endpointCredentials(endpoint, env);
  if (!credentials.present) throw stopped('authentication', credentials.message);
  const key = new EndpointKey(endpoint.keyVariable, env, renewKey);
  const base = usableBaseUrl("the judge's base_url", endpoint.baseUrl, env);
  const official = new URL(base).host === OFFICIAL_HOST;
  const sdk = new OpenAI({
    apiKey: 'none', // each request brings its own header
    adminAPIKey: null,
    organization: (official && env['OPENAI_ORG_ID']) || null,
    project: (official && env['OPENAI_PROJECT_ID']) || null,
    webhookSecret: null,
    baseURL: base,
    maxRetries: 0,
    fetch: withErrorObject(stream ? streamingFetch(env) : plainFetch(env)),
    logger: SILENT, // the default logs to stdout, which belongs to results
    logLevel: 'off',
  });
  return {
    sdk,
    redact: (text) => key.redact(text),
    at: (path) => base + path,
    withKey: (ask) => askedWith(key, ask),
  };
}

async function askedWith<T>(key: EndpointKey, ask: (headers: KeyHeader) => Promise<T>): Promise<T> {
  const used = key.current;
  try {
    return await ask(headerOf(used));
  } catch (error) {
    if (!(error instanceof RequestFailed) || error.failure.kind !== 'authentication') throw error;
    const renewed = await key.renewed(used).catch((reason: unknown) => {
      throw stopped('authentication', `${error.failure.message}; ${(reason as Error).message}`);
    });
    if (!renewed) throw error;
    return ask(headerOf(key.current));
  }
}

function headerOf(key: string | null): KeyHeader {
  return { authorization: key === null ? null : `Bearer ${key}` };
}

/** Some servers write an error's fields without the object around them, which the package reads. */
function withErrorObject(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (...request) => {
    const response = await fetch(...request);
    if (response.ok) return response;
    const text = async (): Promise<string> => wrapped(await response.text());
    const { status, ok, headers, url, body } = response;
    return { status, ok, headers, url, body, text, json: async () => JSON.parse(await text()) as unknown } as Response;
  };
}

function wrapped(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const { error, message, detail, ...fields } = (value ?? {}) as Record<string, unknown>;
  const words = message ?? detail;
  if (error !== undefined || typeof words !== 'string') return text;
  return JSON.stringify({ error: { ...fields, message: words } });
}

const OFFICIAL_HOST = 'api.openai.com';
const COMPLETIONS = '/chat/completions';

/** Throws as `connectEndpoint` does. */
export function createChatClient(options: EndpointOptions): JudgeClient {
  const { sdk, redact, at, withKey } = connectEndpoint(options);
  return {
    judge: 'openai',
    endpoint: endpointIdentity(options.endpoint.baseUrl),
    send: (call, { signal, deadlineMs }) =>
      withKey((header) =>
        exchange(signal, deadlineMs, { redact, asked: at(COMPLETIONS) }, async (timed) => {
          const started = performance.now();
          const latency = (): number => Math.round(performance.now() - started);
          try {
            const { data, response } = await inTerms(
              sdk
                .post<unknown>(COMPLETIONS, {
                  body: call.body, // with a content type of its own, a string goes over the wire as it is
                  headers: { ...call.headers, ...header, 'content-type': 'application/json' },
                  timeout: deadlineMs + 1000,
                  signal: timed,
                })
                .withResponse(),
            );
            const message = readCompletion(data);
            if (typeof message === 'string') throw notAMessage(message, data, response);
            refuseOtherJudge('openai', call.params.model, message.model);
            if ('logprobs' in call.params) requireLogprobs(call.params.model, message, at(''));
            const requestId = response.headers.get('x-request-id');
            return { ...message, requestId, latencyMs: latency(), limits: readRateLimits(response.headers) };
          } catch (error) {
            const refusal = filtered(error, call, latency());
            if (refusal === null) throw error;
            return refusal;
          }
        }),
      ),
    model: (id, { signal, deadlineMs }) => {
      const path = `/models/${encodeURIComponent(id)}`;
      return withKey((header) =>
        exchange(signal, deadlineMs, { redact, asked: at(path) }, async (timed) => {
          const { data, response } = await inTerms(
            sdk
              .get<Record<string, unknown>>(path, { headers: { ...header }, timeout: deadlineMs + 1000, signal: timed })
              .withResponse(),
          );
          if (typeof data?.['id'] !== 'string') throw notAMessage('no model', data, response);
          refuseOtherJudge('openai', id, data['id']);
          return { model: data['id'], lifecycle: null, deprecatedAt: null };
        }),
      );
    },
  };
}

/** Some servers refuse by their content filter with a 400 instead of a reply. */
function filtered(error: unknown, call: JudgeCall, latencyMs: number): JudgeReply | null {
  const { status, errorCode, message, headers } = error as Partial<Failed>;
  if (status !== 400 || errorCode !== 'content_filter') return null;
  return {
    text: message ?? '',
    stopReason: 'refusal',
    model: call.params.model,
    requestId: headers?.get('x-request-id') ?? null,
    inputTokens: 0,
    outputTokens: 0,
    latencyMs,
    limits: readRateLimits(headers ?? new Headers()),
  };
}

/** An error of the package in the terms of judge/errors.ts. */
export interface Failed extends Error {
  status: number | undefined;
  type: string | undefined;
  errorCode: string | undefined;
  apiMessage: string | undefined;
  /** The parameter that is wrong, where the server says so. */
  param: string | undefined;
  headers: Headers | undefined;
}

/** Rejects as `classify` reads it. */
export async function inTerms<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    if (!(error instanceof OpenAI.APIError) || error instanceof RequestFailed) throw error;
    const body = error.error as { message?: unknown } | undefined;
    throw Object.assign(new Error(error.message, { cause: error.cause }), {
      name: kindOf(error),
      status: error.status as number | undefined,
      type: error.type,
      errorCode: error.code ?? undefined,
      apiMessage: typeof body?.message === 'string' ? body.message : undefined,
      param: error.param ?? undefined,
      headers: error.headers as Headers | undefined,
    } satisfies Partial<Failed>);
  }
}

/** The package's classes have no names of their own. */
function kindOf(error: unknown): string {
  if (error instanceof OpenAI.APIConnectionTimeoutError) return 'APIConnectionTimeoutError';
  if (error instanceof OpenAI.APIConnectionError) return 'APIConnectionError';
  if (error instanceof OpenAI.APIUserAbortError) return 'APIUserAbortError';
  return 'APIError';
}
