/**
 * OpenAI's Batch API over the wire: the requests are uploaded as a file, a batch is made of it, and its results are a file of
 * answers and one of errors. The batch has a label in its metadata, by which it is found again where the reply to its
 * creation was lost.
 *
 * Servers that speak the rest of this API often have no batches. That is said with what to do about it, and never met by
 * asking live, which would cost twice what was planned.
 */
import {
  type BatchClient,
  type BatchFailure,
  type BatchPage,
  type BatchResult,
  type BatchStatus,
  readResults,
} from '../batches/client';
import { exchange, notAMessage, type SendOptions, stopped } from '../client';
import { RequestFailed, ruleOf } from '../errors';
import type { JudgeCall } from '../request';
import { connectEndpoint, type EndpointOptions, type Failed, inTerms, type KeyHeader } from './client';
import { readCompletion } from './completion';

const BATCHES = '/batches';
const FILES = '/files';
/** What a batch asks, whatever path the server's address has. */
const ENDPOINT = '/v1/chat/completions';
const LABEL = 'flamingo_batch';
const PAGE = 100;
const LIVE = 'Set `mode: live` for this judge to ask without batches';

/** Throws as `connectEndpoint` does. */
export function createOpenAiBatchClient(options: EndpointOptions): BatchClient {
  const { sdk, redact, at, withKey } = connectEndpoint(options);
  const streaming = connectEndpoint(options, { stream: true }).sdk;

  /** One request, which a new key does not give more time. `read`: null for what is none of `what`. */
  const ask = <T>(
    path: string,
    send: SendOptions,
    request: (options: { headers: SentHeaders; timeout: number; signal: AbortSignal }) => {
      withResponse(): Promise<Answer>;
    },
    read: (data: unknown) => T | null,
    what: string,
  ): Promise<T> => {
    const started = Date.now();
    return withKey((header) => {
      const left = Math.min(send.deadlineMs, send.deadlineMs - (Date.now() - started));
      if (left <= 0) throw notSent(`there was no time left when the server had refused a key (${at(path)})`);
      return exchange(send.signal, left, { redact, asked: at(path) }, async (signal) => {
        const timeout = left + 1000;
        const { data, response } = await inTerms(request({ headers: { ...header }, timeout, signal }).withResponse());
        const value = read(data);
        if (value === null) throw notAMessage(what, data, response);
        return value;
      });
    });
  };
  const retrieve = <T>(id: string, send: SendOptions, read: (data: unknown) => T | null): Promise<T> =>
    ask(of(BATCHES, id), send, (each) => sdk.get<unknown>(of(BATCHES, id), each), read, 'no batch');

  return {
    judge: 'openai',
    endpoint: at(''),
    upload: (calls, send) =>
      ask(
        FILES,
        send,
        (each) =>
          sdk.post<unknown>(FILES, {
            ...each,
            body: formOf(calls), // with a content type of its own, a string goes over the wire as it is
            headers: { ...each.headers, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
          }),
        readId,
        'no file',
      ).catch(withRemedy(`${at('')} takes no requests for batches`)),
    create: ({ label, upload }, send) =>
      ask(
        BATCHES,
        send,
        (each) => ({
          withResponse: () =>
            inTerms(sdk.post<unknown>(BATCHES, { ...each, body: creationOf(upload, label) }).withResponse()).catch(
              notYetKnown,
            ),
        }),
        readStatus,
        'no batch',
      ).catch(withRemedy(`${at('')} makes no batch of these requests`)),
    retrieve: (id, send) => retrieve(id, send, readStatus),
    list: (after, send) =>
      ask(
        BATCHES,
        send,
        (each) => sdk.get<unknown>(BATCHES, { ...each, query: { limit: PAGE, ...(after === null ? {} : { after }) } }),
        readPage,
        'no list of batches',
      ).catch(withRemedy(`${at('')} has no batches`)),
    cancel: async (id, send) => {
      const path = of(BATCHES, id, '/cancel');
      await ask(
        path,
        send,
        (each) => ({
          withResponse: () => inTerms(sdk.post<unknown>(path, each).withResponse()).catch(endedAlready),
        }),
        () => true,
        'no batch',
      );
    },
    async *results(id, send) {
      for (const file of await retrieve(id, send, readFiles)) {
        const path = of(FILES, file, '/content');
        const response = await withKey((header) =>
          exchange(send.signal, send.deadlineMs, { redact, asked: at(path) }, (signal) =>
            inTerms(
              streaming
                .get<unknown>(path, { headers: { ...header }, timeout: send.deadlineMs + 1000, signal })
                .asResponse(),
            ),
          ),
        );
        yield* readResults(response, readResult, redact, send);
      }
    },
  };
}

type SentHeaders = Record<string, string | null> & KeyHeader;

interface Answer {
  data: unknown;
  response: Response;
}

function of(path: string, id: string, rest = ''): string {
  return `${path}/${encodeURIComponent(id)}${rest}`;
}

/** A line of JSON does not begin with it. */
const BOUNDARY = 'flamingo-requests';

/** The bytes of each request are those of a live one. */
function formOf(calls: readonly JudgeCall[]): string {
  const part = (head: string, text: string): string =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`;
  const lines = calls.map(
    ({ id, body }) => `{"custom_id":${JSON.stringify(id)},"method":"POST","url":"${ENDPOINT}","body":${body}}\n`,
  );
  const file = 'name="file"; filename="requests.jsonl"\r\nContent-Type: application/jsonl';
  return `${part('name="purpose"', 'batch')}${part(file, lines.join(''))}--${BOUNDARY}--\r\n`;
}

function creationOf(upload: string | null, label: string): Record<string, unknown> {
  return { input_file_id: upload, endpoint: ENDPOINT, completion_window: '24h', metadata: { [LABEL]: label } };
}

/** What a person can do where the server refuses batches as such. */
function withRemedy(what: string): (error: unknown) => never {
  return (error) => {
    const failure = error instanceof RequestFailed ? error.failure : null;
    if (failure?.action !== 'item' && failure?.kind !== 'unknown_model') throw error;
    throw stopped('configuration', `${what} (${failure.message}). ${LIVE}`);
  };
}

/** A file that was uploaded just now may be unknown to the machine that is to make a batch of it: there is none yet. */
function notYetKnown(error: unknown): never {
  const { status, param, message } = error as Partial<Failed>;
  if (status !== 400 || (param !== 'file_id' && param !== 'input_file_id')) throw error;
  throw notSent(message ?? '');
}

/** What may be tried again, since nothing came of it. */
function notSent(message: string): RequestFailed {
  return new RequestFailed({ action: 'retry', kind: 'network', message, delayMs: null, mayBePaid: false });
}

/** The API's answer to the cancellation of a batch that has ended. */
function endedAlready(error: unknown): Answer {
  if ((error as Partial<Failed>).status !== 409) throw error;
  return { data: null, response: new Response() };
}

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function readId(data: unknown): string | null {
  const { id } = fields(data);
  return isText(id) ? id : null;
}

const IN_FLIGHT = ['validating', 'in_progress', 'finalizing', 'cancelling'];
const OVER = ['completed', 'failed', 'expired', 'cancelled'];

function readStatus(data: unknown): BatchStatus | null {
  const { id, status, request_counts: counts, output_file_id: output, input_file_id: input, ...rest } = fields(data);
  const createdAt = timeOf(rest['created_at']);
  if (!isText(id) || !isText(status) || createdAt === null) return null;
  if (!IN_FLIGHT.includes(status) && !OVER.includes(status)) return null;
  const { total, completed, failed } = fields(counts);
  const succeeded = countOf(completed);
  return {
    id,
    // requests that went well are paid: without their file there is more to come
    ended: OVER.includes(status) && (succeeded === 0 || isText(output)),
    createdAt,
    endedAt: OVER.includes(status) ? timeOf(rest[`${status}_at`]) : null,
    requests: countOf(total),
    finished: succeeded + countOf(failed),
    marks: [fields(rest['metadata'])[LABEL], input].filter(isText),
    ...(status === 'failed' ? { failure: readFailure(rest['errors']) } : {}),
  };
}

/** ISO; null for what is no time in seconds. */
function timeOf(value: unknown): string | null {
  const time = new Date(typeof value === 'number' ? value * 1000 : NaN);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

const LONGEST_WORDS = 300;

function readFailure(errors: unknown): BatchFailure {
  const { data } = fields(errors);
  const { code, message, line } = fields(Array.isArray(data) ? data[0] : null);
  const words = isText(message) ? message.slice(0, LONGEST_WORDS).toWellFormed() : 'the server gives no reason';
  const place = typeof line === 'number' ? `, line ${line}` : '';
  const what = `it was refused${isText(code) ? ` (${code}${place})` : ''}: ${words}`;
  if (code === 'token_limit_exceeded') return { kind: 'queue_full', message: what };
  const rule = ruleOf({ errorCode: isText(code) ? code : undefined });
  if (rule?.action === 'stop') return { kind: rule.kind, message: what };
  return { kind: 'configuration', message: `${what.replace(/\.$/, '')}. ${LIVE}` };
}

function readPage(data: unknown): BatchPage | null {
  const { data: entries, has_more: more } = fields(data);
  if (!Array.isArray(entries)) return null;
  const batches = entries.map(readStatus);
  if (batches.some((entry) => entry === null)) return null;
  const last = batches.at(-1)?.id;
  return { batches: batches as BatchStatus[], next: more === true && last !== undefined ? last : null };
}

/** Where the results are; those of a batch without any are nowhere. */
function readFiles(data: unknown): string[] | null {
  const { id, output_file_id: output, error_file_id: errors } = fields(data);
  return isText(id) ? [output, errors].filter(isText) : null;
}

function readResult(line: unknown): BatchResult | null {
  const { custom_id: customId, response, error } = fields(line);
  if (typeof customId !== 'string') return null;
  const { status_code: status, request_id: requestId, body } = fields(response);
  if (typeof status === 'number') {
    if (status >= 200 && status < 300) {
      const reply = readCompletion(body);
      if (typeof reply === 'string') return { customId, kind: 'unusable', message: `the reply is ${reply}` };
      return { customId, kind: 'succeeded', reply, ...(isText(requestId) ? { requestId } : {}) };
    }
    return { customId, kind: 'errored', status, ...wordsOf(fields(body)['error']) };
  }
  const words = wordsOf(error);
  if (words.code === 'batch_expired') return { customId, kind: 'expired' };
  if (words.code === 'batch_cancelled') return { customId, kind: 'canceled' };
  // without its error it is no result: what is to be done about it nobody could tell
  return words.code === undefined ? null : { customId, kind: 'errored', ...words };
}

function wordsOf(error: unknown): { type: string; code?: string; message: string } {
  const { type, code, message } = fields(error);
  return {
    type: isText(type) ? type : 'unknown',
    ...(isText(code) ? { code } : {}),
    message: isText(message) ? message : 'no reason given',
  };
}
