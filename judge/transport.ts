/**
 * HTTP for judge requests, as the `fetch` that the SDK is given: on Node's own http client with connections kept open, or
 * through the environment's proxy.
 *
 * A judgement is a request of some kilobytes and a reply of some hundred bytes, a thousand of them a second. The built-in
 * fetch spends more time on its streams and signals there than all the rest of the worker together. Bodies are text and
 * read whole, up to a limit; whoever needs a stream (results of batches) takes `streamingFetch`. A redirect is an answer
 * like any other: a request holds the key, which goes to the address that a person named and nowhere else.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { NotAMessage } from './errors';
import { fetchThroughProxy, proxyFor } from './proxy';

/** What the SDK reads of a reply. */
type ReplyPart = Pick<Response, 'status' | 'ok' | 'headers' | 'url' | 'body' | 'text' | 'json'>;

const OPEN = { keepAlive: true, scheduling: 'lifo' } as const;
/**
 * An idle connection is probed after so long, and then each second. One that the other side knows no more is reset by the first
 * probe; without, a request on it would wait for its whole deadline. The agent only does so from a connection's second use on.
 */
const PROBE_AFTER_MS = 1_000;

/** Bytes of a reply that is read whole. A judge's answer has some hundred, a page of batches some ten thousand. */
export const MAX_REPLY_BYTES = 16 * 2 ** 20;

/**
 * Rejects before the headers like the built-in fetch; an abort, a cut body, or one above `MAX_REPLY_BYTES` rejects
 * `text()` and `json()`. `env` names the proxy.
 */
export function plainFetch(env: NodeJS.ProcessEnv): typeof fetch {
  const agents = { 'http:': new HttpAgent(OPEN), 'https:': new HttpsAgent(OPEN) };
  return (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const { signal, body } = init;
    if (body != null && typeof body !== 'string') throw new TypeError('a judge’s request is text');
    if (proxyFor(url, env) !== null) return readWhole(url, init, env);
    return new Promise<Response>((resolve, reject) => {
      const request = send(url, {
        agent: agents[url.protocol as keyof typeof agents],
        method: init.method ?? 'GET',
        headers: {
          ...Object.fromEntries(new Headers(init.headers)),
          ...(typeof body === 'string' ? { 'content-length': Buffer.byteLength(body) } : {}),
        },
      });
      request.on('socket', (socket) => socket.setKeepAlive(true, PROBE_AFTER_MS));
      const abort = (): void => void request.destroy(aborted());
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
      const over = (): void => signal?.removeEventListener('abort', abort);
      request.on('error', (error) => {
        over();
        reject(error.name === 'AbortError' ? error : new TypeError('fetch failed', { cause: error }));
      });
      request.on('response', (response) => {
        const text = readText(response).finally(over);
        text.catch(() => undefined); // it may fail before anybody reads it
        resolve(replyOf(url, response, text) as Response);
      });
      request.end(body ?? undefined);
    });
  };
}

/** The built-in fetch, or its like through the proxy: the body of a success is a stream, any other is read whole. */
export function streamingFetch(env: NodeJS.ProcessEnv): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const response = await fetchThroughProxy(url.href, { ...init, redirect: 'manual' }, env);
    return response.ok ? response : (wholeReply(url, response) as Response);
  };
}

async function readWhole(url: URL, init: RequestInit, env: NodeJS.ProcessEnv): Promise<Response> {
  return wholeReply(url, await fetchThroughProxy(url.href, { ...init, redirect: 'manual' }, env)) as Response;
}

function wholeReply(url: URL, response: Response): ReplyPart {
  const text = readStream(response);
  text.catch(() => undefined); // it may fail before anybody reads it
  const { status, headers } = response;
  return reply(url, status, headers, text);
}

async function readStream({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_REPLY_BYTES) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooLong(): NotAMessage {
  return new NotAMessage(`the answer is longer than ${MAX_REPLY_BYTES / 2 ** 20} MiB, and so no message`, null, null);
}

function replyOf(url: URL, response: IncomingMessage, text: Promise<string>): ReplyPart {
  const headers = new Headers();
  for (const [name, values] of Object.entries(response.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  return reply(url, response.statusCode ?? 0, headers, text);
}

function reply(url: URL, status: number, headers: Headers, text: Promise<string>): ReplyPart {
  return {
    status,
    ok: status >= 200 && status < 300,
    headers,
    url: url.href,
    body: null,
    text: () => text,
    json: async () => JSON.parse(await text) as unknown,
  };
}

function readText(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes <= MAX_REPLY_BYTES) return chunks.push(chunk);
      chunks.length = 0;
      reject(tooLong());
      response.destroy();
    });
    response.on('end', () => {
      if (response.complete) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(new TypeError('terminated'));
    });
    response.on('error', (error) =>
      reject(error.name === 'AbortError' ? error : new TypeError('terminated', { cause: error })),
    );
  });
}

function aborted(): DOMException {
  return new DOMException('This operation was aborted', 'AbortError');
}
