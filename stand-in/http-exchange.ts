/**
 * One HTTP exchange with the stand-in: the request, read whole, and every way to reply, broken ones included. Errors have
 * the shape of the API that was asked.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { API_ERRORS, type ApiErrorKind, type Fault } from './faults';
import { isOpenAiRoute, openAiError } from './openai-errors';

/** Thrown to refuse a request; the API's error of that kind is sent. */
export class Refused extends Error {
  override name = 'Refused';
  constructor(
    readonly kind: ApiErrorKind,
    message: string,
    /** The parameter that is wrong, where OpenAI's API names it. */
    readonly param: string | null = null,
  ) {
    super(message);
  }
}

/** What differs from the kind's own error where a fault says so. `retryAfter`: the header, '' = none. */
export interface ErrorDetails {
  message?: string | undefined;
  retryAfter?: string | undefined;
  /** In errors of OpenAI's API. */
  param?: string | null;
}

type Known = { status: number; type: string; errorCode?: string; message: string; retryAfter?: string };

export class HttpExchange {
  readonly method: string;
  readonly path: string;
  /** After the question mark. */
  readonly query: string;
  body = '';
  /** Names and values in turn, added to every reply. */
  headers: string[] = [];
  /** How the reply is broken on its way, if at all. */
  broken: Fault['kind'] | null = null;
  /** The reply is held back so many milliseconds. */
  heldMs = 0;
  /** Told the status of the reply. */
  onReply: (status: number) => void = () => undefined;
  /** Told what error is sent, or what else is sent or done in place of the reply. */
  onRejected: (kind: Fault['kind']) => void = () => undefined;

  constructor(
    /** The `request-id` of the reply. */
    readonly id: string,
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
  ) {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    this.method = request.method ?? '';
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? '' : url.slice(mark + 1);
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Reads the whole body, then calls `then`; of one that is larger than `most` bytes `then` gets false. */
  read(most: number, then: (complete: boolean) => void): void {
    const chunks: Buffer[] = [];
    let length = 0;
    this.request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= most) chunks.push(chunk);
    });
    this.request.on('end', () => {
      if (length <= most) this.body = (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8');
      then(length <= most);
    });
  }

  /** Runs what answers; an exception becomes the reply. */
  guard(answer: () => void): void {
    try {
      answer();
    } catch (error) {
      if (this.response.headersSent || this.response.destroyed) this.response.destroy();
      else if (error instanceof Refused) this.error(error.kind, { message: error.message, param: error.param });
      else this.error('server_error', { message: `in the stand-in itself: ${String(error)}` });
    }
  }

  json(status: number, value: unknown): void {
    this.send(status, 'application/json', JSON.stringify(value));
  }

  html(kind: 'html_200' | 'html_502'): void {
    this.onRejected(kind);
    this.send(kind === 'html_200' ? 200 : 502, 'text/html', '<html><body>A proxy speaks.</body></html>');
  }

  /** Rows of a JSONL stream; after `cutAfter` of them and half a further one the connection breaks. */
  lines(lines: readonly string[], cutAfter: number | null): void {
    if (cutAfter === null || cutAfter >= lines.length) {
      return this.send(200, 'application/binary', lines.map((line) => `${line}\n`).join(''));
    }
    this.onReply(200);
    this.response.writeHead(200, ['content-type', 'application/binary', 'request-id', this.id, ...this.headers]);
    const rest = lines[cutAfter]!;
    const part = [...lines.slice(0, cutAfter), rest.slice(0, rest.length / 2)].join('\n');
    this.response.write(part, () => this.response.destroy());
  }

  error(kind: ApiErrorKind, { message, retryAfter, param = null }: ErrorDetails = {}): void {
    this.onRejected(kind);
    const known: Known = API_ERRORS[kind];
    const after = retryAfter ?? known.retryAfter ?? '';
    if (after !== '') this.headers.push('retry-after', after);
    const words = message ?? known.message;
    if (isOpenAiRoute(this.path)) {
      const { status, type, code } = openAiError(kind);
      return this.json(status, { error: { message: words, type, param, code } });
    }
    const details = known.errorCode === undefined ? {} : { details: { error_code: known.errorCode } };
    this.json(known.status, {
      type: 'error',
      error: { type: known.type, message: words, ...details },
      request_id: this.id,
    });
  }

  wrongShape(): void {
    this.onRejected('wrong_shape');
    this.json(200, { hello: 'world' });
  }

  /** The connection breaks without a reply, and nothing is done. */
  reset(): void {
    this.onRejected('reset');
    this.request.socket.resetAndDestroy();
  }

  private send(status: number, type: string, text: string): void {
    if (this.heldMs === 0) return this.sendNow(status, type, text);
    setTimeout(() => this.sendNow(status, type, text), this.heldMs).unref();
  }

  private sendNow(status: number, type: string, text: string): void {
    const { response, broken } = this;
    if (response.destroyed) return;
    if (broken === 'reply_lost') return void this.request.socket.resetAndDestroy();
    this.onReply(status);
    const ids = ['request-id', this.id, ...(isOpenAiRoute(this.path) ? ['x-request-id', this.id] : [])];
    const headers = ['content-type', type, ...ids, ...this.headers];
    if (broken === 'malformed') {
      response.writeHead(status, headers);
      return void response.end(text.slice(0, text.length / 2));
    }
    headers.push('content-length', String(Buffer.byteLength(text)));
    response.writeHead(status, headers);
    if (broken === 'cut_body') return void response.write(text.slice(0, text.length / 2), () => response.destroy());
    if (broken === 'stalled_body') return void response.write(text.slice(0, text.length / 2));
    response.end(text);
  }
}
