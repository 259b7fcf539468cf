/**
 * HTTP for judge requests, as the `fetch` that the SDK is given: on Node's own http client with connections kept open.
 *
 * A judgement is a request of some kilobytes and a reply of some hundred bytes, a thousand of them a second. The built-in
 * fetch spends more time on its streams and signals there than all the rest of the worker together. Bodies are text and
 * read whole; whoever needs a stream (results of batches) uses the built-in one.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** What the SDK reads of a reply. */
type ReplyPart = Pick<Response, 'status' | 'ok' | 'headers' | 'url' | 'body' | 'text' | 'json'>;

const OPEN = { keepAlive: true, scheduling: 'lifo' } as const;

/** Rejects before the headers like the built-in fetch; an abort or a cut body rejects `text()` and `json()`. */
export function plainFetch(): typeof fetch {
  const agents = { 'http:': new HttpAgent(OPEN), 'https:': new HttpsAgent(OPEN) };
  return (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const { signal, body } = init;
    if (body != null && typeof body !== 'string') throw new TypeError('a judge’s request is text');
    return new Promise<Response>((resolve, reject) => {
      const request = send(url, {
        agent: agents[url.protocol as keyof typeof agents],
        method: init.method ?? 'GET',
        headers: {
          ...Object.fromEntries(new Headers(init.headers)),
          ...(typeof body === 'string' ? { 'content-length': Buffer.byteLength(body) } : {}),
        },
      });
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

function replyOf(url: URL, response: IncomingMessage, text: Promise<string>): ReplyPart {
  const status = response.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, values] of Object.entries(response.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
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
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
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
