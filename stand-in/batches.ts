/**
 * The Message Batches of the stand-in: create, retrieve, list, cancel, delete and results, with the API's states.
 */
import { timesOf } from './batch-options';
import { type BatchContext, type BatchFormat, BatchQueue } from './batch-queue';
import type { BatchItem, BatchRecord } from './batch-store';
import { API_ERRORS, type Fault } from './faults';
import { type HttpExchange, Refused } from './http-exchange';
import { pageOf, readPageQuery } from './paging';
import { checkVersion, parseBody, readMessage } from './params';
import { messageOf } from './reply';

export const LARGEST_BATCH_BYTES = 256 * 1024 * 1024;
const MOST_ITEMS = 100_000;
const CUSTOM_ID = /^[a-zA-Z0-9_-]{1,64}$/;

export class Batches {
  private readonly queue: BatchQueue;

  constructor(context: BatchContext) {
    this.queue = new BatchQueue(context, MESSAGES);
  }

  close(): void {
    this.queue.close();
  }

  /** Throws `Refused`; then nothing was made. */
  create(exchange: HttpExchange, fault: Fault | null): void {
    if (this.queue.closed) return; // a late commit came too late
    const version = exchange.header('anthropic-version');
    checkVersion(version);
    const hiddenUntil = fault?.kind === 'not_found_yet' ? Date.now() + (fault.ms ?? 1000) : 0;
    const record = this.queue.add(readItems(exchange.body), { version: version ?? null, hiddenUntil });
    exchange.json(200, describe(record, exchange));
  }

  retrieve(exchange: HttpExchange, id: string): void {
    exchange.json(200, describe(this.queue.get(id), exchange));
  }

  list(exchange: HttpExchange): void {
    const newestFirst = this.queue.newestFirst().map((record) => describe(record, exchange));
    exchange.json(200, pageOf(newestFirst, readPageQuery(exchange.query)));
  }

  cancel(exchange: HttpExchange, id: string): void {
    const record = this.queue.get(id);
    if (record.endedAt !== null) throw new Refused('bad_request', `batch ${id} has ended and can not be canceled`);
    this.queue.cancel(id);
    exchange.json(200, describe(record, exchange));
  }

  delete(exchange: HttpExchange, id: string): void {
    if (this.queue.get(id).endedAt === null) {
      throw new Refused('bad_request', `batch ${id} has not ended: cancel it first`);
    }
    this.queue.delete(id);
    exchange.json(200, { id, type: 'message_batch_deleted' });
  }

  results(exchange: HttpExchange, id: string, fault: Fault | null): void {
    if (this.queue.get(id).endedAt === null) {
      throw new Refused('not_found', `batch ${id} has not ended: no results yet`);
    }
    exchange.lines(this.queue.results(id), fault?.kind === 'cut_results' ? (fault.rows ?? 0) : null);
  }
}

const MESSAGES: BatchFormat = {
  prefix: 'msgbatch_stand_in_',
  read: (params, { version }, models) => readMessage(params, version ?? undefined, models),
  render: messageOf,
  line: (customId, result) => {
    const { type } = result;
    const more =
      type === 'succeeded' ? { message: result.message } : type === 'errored' ? { error: errorOf(result) } : {};
    return JSON.stringify({ custom_id: customId, result: { type, ...more } });
  },
  passing: (line) => {
    const { custom_id: id, result } = JSON.parse(line) as ResultLine;
    const passes = result.type === 'expired' || result.type === 'canceled' || result.error?.error.type === 'api_error';
    return passes ? id : null;
  },
};

interface ResultLine {
  custom_id: string;
  result: { type: string; error?: { error: { type: string } } };
}

function errorOf({ kind, message }: { kind: keyof typeof API_ERRORS; message: string | undefined }): object {
  const known = API_ERRORS[kind];
  const error = { type: known.type, message: message ?? known.message };
  return { type: 'error', error, request_id: null };
}

/** What the API says about a batch. Every item is `processing` until all of it has ended. */
function describe(record: BatchRecord, exchange: HttpExchange): { id: string } & Record<string, unknown> {
  const { id, createdAt, cancelAt, endedAt, items, counts, options } = record;
  const time = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  const { expiresMs } = timesOf(options);
  const host = exchange.header('host') ?? '';
  return {
    id,
    type: 'message_batch',
    processing_status: endedAt !== null ? 'ended' : cancelAt !== null ? 'canceling' : 'in_progress',
    request_counts: { processing: endedAt === null ? items : 0, ...counts },
    created_at: time(createdAt),
    expires_at: time(createdAt + expiresMs),
    ended_at: time(endedAt),
    cancel_initiated_at: time(cancelAt),
    archived_at: null,
    results_url: endedAt === null ? null : `http://${host}/v1/messages/batches/${id}/results`,
  };
}

/** One bad or repeated custom_id refuses the whole batch; `params` are looked at only when the item is processed. */
function readItems(body: string): BatchItem[] {
  const value = parseBody(body);
  const { requests, ...rest } = (typeof value === 'object' && value !== null ? value : {}) as { requests?: unknown };
  const [extra] = Object.keys(rest);
  if (extra !== undefined) throw new Refused('bad_request', `${extra}: Extra inputs are not permitted`);
  if (!Array.isArray(requests) || requests.length === 0) {
    throw new Refused('bad_request', 'requests: at least one request is required');
  }
  if (requests.length > MOST_ITEMS) {
    throw new Refused('bad_request', `requests: at most ${MOST_ITEMS} requests are allowed, not ${requests.length}`);
  }
  const seen = new Set<string>();
  return requests.map((request: unknown, index) => {
    const { custom_id: id, params, ...more } = (request ?? {}) as Record<string, unknown>;
    const place = `requests.${index}`;
    if (typeof id !== 'string' || !CUSTOM_ID.test(id)) {
      throw new Refused('bad_request', `${place}.custom_id: String should match pattern '${CUSTOM_ID.source}'`);
    }
    if (seen.has(id)) throw new Refused('bad_request', `${place}.custom_id: ${id} is used twice; it must be unique`);
    seen.add(id);
    const [other] = Object.keys(more);
    if (other !== undefined) throw new Refused('bad_request', `${place}.${other}: Extra inputs are not permitted`);
    if (typeof params !== 'object' || params === null)
      throw new Refused('bad_request', `${place}.params: Field required`);
    return { custom_id: id, params };
  });
}
