/**
 * The batches of the stand-in's OpenAI side: create, retrieve, list and cancel, with the API's states. A batch is made of an
 * uploaded file, looked through first, and becomes a file of results and one of errors.
 */
import { sha256 } from '../experiment/canonical';
import { timesOf } from './batch-options';
import type { ItemResult } from './batch-outcome';
import { type BatchContext, BatchQueue, endsAt } from './batch-queue';
import type { BatchItem, BatchRecord, Upload } from './batch-store';
import { API_ERRORS, type Fault } from './faults';
import { type HttpExchange, Refused } from './http-exchange';
import { completionOf, readChat } from './openai';
import { openAiError } from './openai-errors';
import { type Files, readCursor } from './openai-files';
import { pageOf } from './paging';
import { parseBody, tokens } from './params';

const ENDPOINT = '/v1/chat/completions';
const MOST_ITEMS = 50_000;
const MOST_PAIRS = 16;
const LONGEST_KEY = 64;
const LONGEST_VALUE = 512;
const MOST_LISTED = 100;
const USUALLY_LISTED = 20;

type Failure = NonNullable<BatchRecord['failure']>;
type Made = BatchRecord & { upload: Upload };

export class OpenAiBatches {
  private readonly queue: BatchQueue;

  constructor(
    private readonly context: BatchContext,
    private readonly files: Files,
  ) {
    this.queue = new BatchQueue(context, {
      prefix: 'batch_stand_in_',
      read: readChat,
      render: completionOf,
      line: lineOf,
      passing: passingIn,
      ended: (record, lines) => this.keep(record as Made, lines),
    });
  }

  close(): void {
    this.queue.close();
  }

  /** Throws `Refused`; then nothing was made. */
  create(exchange: HttpExchange, fault: Fault | null): void {
    if (this.queue.closed) return; // a late commit came too late
    const { inputFile, metadata } = this.readCreation(parseBody(exchange.body));
    const { items, tokens: size, failure } = this.lookThrough(this.files.text(inputFile));
    const hiddenUntil = fault?.kind === 'not_found_yet' ? Date.now() + (fault.ms ?? 1000) : 0;
    const upload: Upload = { inputFile, metadata, tokens: size, outputFile: null, errorFile: null };
    const about = { version: null, hiddenUntil, upload, ...(failure === null ? {} : { failure }) };
    exchange.json(200, describe(this.queue.add(items, about)));
  }

  retrieve(exchange: HttpExchange, id: string): void {
    exchange.json(200, describe(this.queue.get(id)));
  }

  list(exchange: HttpExchange): void {
    const newestFirst = this.queue.newestFirst().map(describe);
    const page = pageOf(newestFirst, readCursor(exchange.query, USUALLY_LISTED, MOST_LISTED));
    exchange.json(200, { object: 'list', ...page });
  }

  cancel(exchange: HttpExchange, id: string): void {
    const record = this.queue.get(id);
    if (record.endedAt !== null) {
      throw new Refused('conflict', `Cannot cancel a batch with status '${statusOf(record)}'.`);
    }
    this.queue.cancel(id);
    exchange.json(200, describe(record));
  }

  private keep({ id, upload }: Made, lines: readonly string[]): void {
    const file = (name: string, rows: readonly string[]): string | null => {
      const text = rows.map((line) => `${line}\n`).join('');
      return rows.length === 0 ? null : this.files.add(`${id}_${name}.jsonl`, 'batch_output', text).id;
    };
    upload.outputFile = file('output', lines.filter(isSuccess));
    upload.errorFile = file(
      'error',
      lines.filter((line) => !isSuccess(line)),
    );
  }

  private readCreation(body: unknown): Pick<Upload, 'inputFile' | 'metadata'> {
    const {
      input_file_id: inputFile,
      endpoint,
      completion_window: window,
      metadata = null,
    } = (body ?? {}) as Record<string, unknown>;
    const file = this.files.get(inputFile);
    if (file?.purpose !== 'batch') {
      const words = `Cannot find file ${String(inputFile)}, or the project does not have access to it.`;
      throw new Refused('bad_request', words, 'file_id');
    }
    if (endpoint !== ENDPOINT) {
      throw new Refused('bad_request', `endpoint: this stand-in has only ${ENDPOINT}`, 'endpoint');
    }
    if (window !== '24h') throw new Refused('bad_request', "completion_window: must be '24h'", 'completion_window');
    return { inputFile: file.id, metadata: readMetadata(metadata) };
  }

  /** What the API finds out about a file of requests before it works on any. */
  private lookThrough(text: string): { items: BatchItem[]; tokens: number; failure: Failure | null } {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    const size = tokens(text);
    const none = (code: string, message: string, line: number | null = null) => {
      return { items: [], tokens: 0, failure: { code, message, line } };
    };
    if (lines.length === 0) return none('empty_file', 'The input file is empty.');
    if (lines.length > MOST_ITEMS) return none('too_many_tasks', `The batch has more than ${MOST_ITEMS} requests.`);
    const seen = new Set<string>();
    const items: BatchItem[] = [];
    let model: unknown;
    for (const [index, line] of lines.entries()) {
      const number = index + 1;
      const { custom_id: id, method, url, body } = readLine(line);
      if (typeof id !== 'string' || typeof body !== 'object' || body === null)
        return none('invalid_json_line', 'This line is no request with custom_id, method, url and body.', number);
      if (method !== 'POST') return none('invalid_method', 'The method must be POST.', number);
      if (url !== ENDPOINT) return none('mismatched_endpoint', `The url must be ${ENDPOINT}.`, number);
      if (seen.has(id)) return none('duplicate_custom_id', `The custom_id ${id} is used twice.`, number);
      const asked = (body as { model?: unknown }).model;
      if (index > 0 && asked !== model) return none('mismatched_model', 'All requests must be of one model.', number);
      model = asked;
      seen.add(id);
      items.push({ custom_id: id, params: body });
    }
    const { enqueuedTokens: most = Infinity } = this.context.settings.options;
    const queued = this.queue.newestFirst().filter(({ endedAt, failure }) => endedAt === null && failure === undefined);
    if (queued.reduce((sum, { upload }) => sum + (upload?.tokens ?? 0), size) > most) {
      const words = `Enqueued token limit reached for ${String(model)}. Limit: ${most} enqueued tokens. Please try again once some in_progress batches have been completed.`;
      return none('token_limit_exceeded', words);
    }
    return { items, tokens: size, failure: null };
  }
}

function readLine(line: string): Record<string, unknown> {
  try {
    return (JSON.parse(line) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function readMetadata(value: unknown): Upload['metadata'] {
  if (value === null) return null;
  const pairs = typeof value === 'object' ? Object.entries(value as Record<string, unknown>) : [];
  const fits = pairs.every(
    ([key, each]) => key.length <= LONGEST_KEY && typeof each === 'string' && each.length <= LONGEST_VALUE,
  );
  if (typeof value !== 'object' || pairs.length > MOST_PAIRS || !fits) {
    const words = `metadata: at most ${MOST_PAIRS} pairs of texts, of ${LONGEST_KEY} and ${LONGEST_VALUE} characters`;
    throw new Refused('bad_request', words, 'metadata');
  }
  return value as Record<string, string>;
}

const EXPIRED = {
  code: 'batch_expired',
  message: 'This request could not be executed before the completion window expired.',
};
const CANCELLED = { code: 'batch_cancelled', message: 'This request was not executed: the batch was cancelled.' };

function lineOf(customId: string, result: ItemResult): string {
  const id = `batch_req_stand_in_${sha256(customId).slice(0, 24)}`;
  const row = (response: object | null, error: object | null): string => {
    return JSON.stringify({ id, custom_id: customId, response, error });
  };
  const response = (status: number, body: unknown): object => {
    return { status_code: status, request_id: `req_stand_in_${sha256(customId).slice(24, 48)}`, body };
  };
  switch (result.type) {
    case 'succeeded':
      return row(response(200, result.message), null);
    case 'errored': {
      const { status, type, code } = openAiError(result.kind);
      const message = result.message ?? API_ERRORS[result.kind].message;
      return row(response(status, { error: { message, type, param: null, code } }), null);
    }
    case 'expired':
      return row(null, EXPIRED);
    case 'canceled':
      return row(null, CANCELLED);
  }
}

interface ResultLine {
  custom_id: string;
  response: { status_code: number } | null;
}

function isSuccess(line: string): boolean {
  return (JSON.parse(line) as ResultLine).response?.status_code === 200;
}

/** Expired, cancelled, or the server's own error. */
function passingIn(line: string): string | null {
  const { custom_id: id, response } = JSON.parse(line) as ResultLine;
  return response === null || response.status_code >= 500 ? id : null;
}

/** Of the stages before the end, as the time tells. */
function statusOf(record: BatchRecord): string {
  const { createdAt, endedAt, cancelAt, counts, failure, options } = record;
  if (endedAt !== null) {
    if (failure !== undefined) return 'failed';
    return cancelAt !== null ? 'cancelled' : counts.expired > 0 ? 'expired' : 'completed';
  }
  if (cancelAt !== null) return 'cancelling';
  const { validatingMs } = timesOf(options);
  const now = Date.now();
  if (now < createdAt + validatingMs) return 'validating';
  return now < endsAt(record) - validatingMs ? 'in_progress' : 'finalizing';
}

/** What the API says about a batch; times in seconds. How many requests there are it knows once they are looked through. */
function describe(record: BatchRecord): { id: string } & Record<string, unknown> {
  const { id, createdAt, endedAt, cancelAt, counts, failure, items, upload, options } = record as Made;
  const status = statusOf(record);
  const seconds = (at: number | null): number | null => (at === null ? null : Math.floor(at / 1000));
  const endedAs = (...statuses: string[]): number | null => (statuses.includes(status) ? seconds(endedAt) : null);
  const { validatingMs, expiresMs } = timesOf(options);
  const validated = failure === undefined && status !== 'validating';
  return {
    id,
    object: 'batch',
    endpoint: ENDPOINT,
    errors: status === 'failed' ? { object: 'list', data: [{ ...failure, param: null }] } : null,
    input_file_id: upload.inputFile,
    completion_window: '24h',
    status,
    output_file_id: upload.outputFile,
    error_file_id: upload.errorFile,
    created_at: seconds(createdAt),
    in_progress_at: validated ? seconds(createdAt + validatingMs) : null,
    expires_at: seconds(createdAt + expiresMs),
    finalizing_at: status === 'finalizing' ? seconds(endsAt(record) - validatingMs) : null,
    completed_at: endedAs('completed'),
    failed_at: endedAs('failed'),
    expired_at: endedAs('expired'),
    cancelling_at: seconds(cancelAt),
    cancelled_at: endedAs('cancelled'),
    request_counts: {
      total: validated ? items : 0,
      completed: counts.succeeded,
      failed: counts.errored + counts.expired + counts.canceled,
    },
    metadata: upload.metadata,
  };
}
