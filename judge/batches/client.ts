/**
 * What batches need of a provider, and Message Batches over the wire: create, look, list, cancel, and the results line by
 * line. judge/openai/batches.ts has those of OpenAI's API.
 *
 * Every call is one attempt with typed failures, as in ../client.ts. Nothing here repeats a create: whether an
 * unanswered one took effect is for submit.ts to find out.
 */
import {
  connectJudge,
  exchange,
  type JudgeClientOptions,
  type MessageReply,
  notAMessage,
  readMessage,
  type RemoteJudge,
  type SendOptions,
} from '../client';
import { classify, NotAMessage, RequestFailed, type StopKind } from '../errors';
import type { JudgeCall } from '../request';
import { readLines } from './lines';

export interface BatchStatus {
  id: string;
  /** No more results will come, and those that are there can be read. */
  ended: boolean;
  /** ISO times of the server's clock; `endedAt` null until it ended. */
  createdAt: string;
  endedAt: string | null;
  /** Requests in all, and those finished. An API may count them only later: the latter when the whole batch has ended. */
  requests: number;
  finished: number;
  /** What its creation put on it, where the API keeps that: `label` and `upload` of `NewBatch`. */
  marks?: readonly string[];
  /** The provider refused the whole batch after its creation: nothing of it was worked on or paid. */
  failure?: BatchFailure;
}

export interface BatchFailure {
  /** `queue_full`: it fits once others have ended. Otherwise a person has to mend something. */
  kind: 'queue_full' | StopKind;
  message: string;
}

/** A batch that is to be made; its requests have one model and one API version. */
export interface NewBatch {
  calls: readonly JudgeCall[];
  /** Its own, kept by APIs that let a batch have one. */
  label: string;
  /** What `upload` returned; null where the creation holds the requests. */
  upload: string | null;
}

/** What became of one request of a batch. */
export type BatchResult = { customId: string } & (
  | { kind: 'succeeded'; reply: MessageReply; requestId?: string }
  /** Counted as a success and paid, but no message. */
  | { kind: 'unusable'; message: string }
  | { kind: 'errored'; type: string; code?: string; status?: number; message: string }
  | { kind: 'expired' }
  | { kind: 'canceled' }
);

export interface BatchPage {
  /** Newest first. */
  batches: BatchStatus[];
  /** Where the next, older page begins; null at the end. */
  next: string | null;
}

/** What batches need of a provider. Failures are thrown as `RequestFailed`; an abort throws the signal's reason. */
export interface BatchClient {
  readonly judge: RemoteJudge;
  /** The address, where the kind of judge does not tell it. */
  readonly endpoint?: string;
  /** Of an API that takes the requests before the creation: returns what it calls them. Nothing of it is paid. */
  upload?(calls: readonly JudgeCall[], options: SendOptions): Promise<string>;
  create(batch: NewBatch, options: SendOptions): Promise<BatchStatus>;
  retrieve(id: string, options: SendOptions): Promise<BatchStatus>;
  list(after: string | null, options: SendOptions): Promise<BatchPage>;
  cancel(id: string, options: SendOptions): Promise<void>;
  /** The results in the server's order; throws when the stream is cut. `deadlineMs` is for each pause between bytes. */
  results(id: string, options: SendOptions): AsyncGenerator<BatchResult>;
}

const PATH = '/v1/messages/batches';
const PAGE = 100;

/** Throws as `connectJudge` does. */
export function createBatchClient(options: JudgeClientOptions): BatchClient {
  const { judge } = options;
  const connection = connectJudge(options);
  const { sdk, redact } = connection;
  const streaming = connectJudge(options, { stream: true }).sdk;
  const context = { redact, asked: connection.at(PATH) };

  const status = (request: (timed: AbortSignal) => { withResponse(): Promise<Answer> }, send: SendOptions) =>
    exchange(send.signal, send.deadlineMs, context, async (timed) => {
      const { data, response } = await request(timed).withResponse();
      const read = readStatus(data);
      if (read === null) throw notAMessage('no message batch', data, response);
      return read;
    });

  return {
    judge,
    create: ({ calls }, send) =>
      status(
        (signal) =>
          sdk.post<unknown>(PATH, {
            body: bodyOf(calls),
            headers: { ...versionOf(calls), 'content-type': 'application/json' },
            timeout: send.deadlineMs + 1000,
            signal,
          }),
        send,
      ),
    retrieve: (id, send) =>
      status((signal) => sdk.get<unknown>(at(id), { timeout: send.deadlineMs + 1000, signal }), send),
    cancel: async (id, send) => {
      await status((signal) => sdk.post<unknown>(at(id, '/cancel'), { timeout: send.deadlineMs + 1000, signal }), send);
    },
    list: (after, send) =>
      exchange(send.signal, send.deadlineMs, context, async (signal) => {
        const query = { limit: PAGE, ...(after === null ? {} : { after_id: after }) };
        const { data, response } = await sdk
          .get<unknown>(PATH, { query, timeout: send.deadlineMs + 1000, signal })
          .withResponse();
        const page = readPage(data);
        if (page === null) throw notAMessage('no list of message batches', data, response);
        return page;
      }),
    async *results(id, send) {
      const response = await exchange(send.signal, send.deadlineMs, context, (signal) =>
        streaming
          .get<unknown>(at(id, '/results'), {
            headers: { accept: 'application/x-jsonl' },
            timeout: send.deadlineMs + 1000,
            signal,
          })
          .asResponse(),
      );
      yield* readResults(response, readResult, redact, send);
    },
  };
}

/** Results line by line. `read`: null for what is none. Throws `RequestFailed` when the stream is cut, or a line is no result. */
export async function* readResults(
  response: Response,
  read: (line: unknown) => BatchResult | null,
  redact: (text: string) => string,
  send: SendOptions,
): AsyncGenerator<BatchResult> {
  try {
    for await (const line of readLines(response, send)) {
      const result = read(JSON.parse(line));
      if (result === null) throw new NotAMessage('a line of the results is no result', null, response.headers);
      yield result;
    }
  } catch (error) {
    send.signal.throwIfAborted();
    const failure = classify(error, { deadlineMs: null, redact, now: Date.now() });
    throw failure === null ? error : new RequestFailed(failure);
  }
}

/** The bytes of each request are those of a live one. */
function bodyOf(calls: readonly JudgeCall[]): string {
  const requests = calls.map(({ id, body }) => `{"custom_id":${JSON.stringify(id)},"params":${body}}`);
  return `{"requests":[${requests.join(',')}]}`;
}

/** Decides which fields the requests may have. */
function versionOf([first]: readonly JudgeCall[]): Record<string, string> {
  const version = first?.headers['anthropic-version'];
  return version === undefined ? {} : { 'anthropic-version': version };
}

interface Answer {
  data: unknown;
  response: Response;
}

function at(id: string, rest = ''): string {
  return `${PATH}/${encodeURIComponent(id)}${rest}`;
}

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

function readStatus(data: unknown): BatchStatus | null {
  const { id, type, processing_status: status, created_at: createdAt, ended_at: endedAt, ...rest } = fields(data);
  if (typeof id !== 'string' || type !== 'message_batch' || typeof createdAt !== 'string') return null;
  const { processing, ...finished } = fields(rest['request_counts']);
  const counts = [processing, ...Object.values(finished)] as number[];
  if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0)) return null;
  if (typeof status !== 'string' || Number.isNaN(Date.parse(createdAt))) return null;
  const requests = counts.reduce((sum, count) => sum + count, 0);
  const done = requests - (processing as number);
  return {
    id,
    ended: status === 'ended',
    createdAt,
    endedAt: typeof endedAt === 'string' ? endedAt : null,
    requests,
    finished: done,
  };
}

function readPage(data: unknown): BatchPage | null {
  const { data: entries, has_more: more, last_id: last } = fields(data);
  if (!Array.isArray(entries)) return null;
  const batches = entries.map(readStatus);
  if (batches.some((entry) => entry === null)) return null;
  return { batches: batches as BatchStatus[], next: more === true && typeof last === 'string' ? last : null };
}

function readResult(line: unknown): BatchResult | null {
  const { custom_id: customId, result } = fields(line);
  const { type, message, error } = fields(result);
  if (typeof customId !== 'string') return null;
  switch (type) {
    case 'succeeded': {
      const reply = readMessage(message);
      return typeof reply === 'string'
        ? { customId, kind: 'unusable', message: `the reply is ${reply}` }
        : { customId, kind: 'succeeded', reply };
    }
    case 'errored': {
      const inner = fields(fields(error)['error']);
      const { type: kind, message: words } = inner;
      // without its error it is no result: what is to be done about it nobody could tell
      if (typeof kind !== 'string' || typeof words !== 'string') return null;
      return { customId, kind: 'errored', type: kind, message: words };
    }
    case 'expired':
    case 'canceled':
      return { customId, kind: type };
    default:
      return null;
  }
}
