/**
 * The Message Batches of the stand-in: create, retrieve, list, cancel, delete and results, with the API's states. Items
 * are paid, and counted, only when the whole batch ends.
 */
import { randomBytes } from 'node:crypto';
import { type BatchOptions, timesOf } from './batch-options';
import { inResultOrder, outcomeOf } from './batch-outcome';
import { type BatchItem, type BatchRecord, BatchStore } from './batch-store';
import { type HttpExchange, Refused } from './http-exchange';
import type { Fault, FaultScript } from './faults';
import type { Ledger, LedgerEntry } from './ledger';
import type { Models } from './models';
import { pageOf, readPageQuery } from './paging';
import { checkVersion, parseBody } from './params';
import type { Stats } from './stats';

export const LARGEST_BATCH_BYTES = 256 * 1024 * 1024;
const MOST_ITEMS = 100_000;
const CUSTOM_ID = /^[a-zA-Z0-9_-]{1,64}$/;
/** Items whose outcome is found in one go; other requests are served in between. */
const SLICE = 200;

interface Batch {
  record: BatchRecord;
  /** Null when they lie on disk only, or are needed no more. */
  items: BatchItem[] | null;
  results: string[] | null;
  timer: NodeJS.Timeout | null;
  ending: boolean;
}

export interface BatchContext {
  /** Folder of the batches; null = they end with the process. */
  state: string | null;
  options: BatchOptions;
  seed: number;
  ledger: Ledger;
  faults: FaultScript;
  models: Models;
  stats: Stats;
}

export class Batches {
  options: BatchOptions;
  private readonly store: BatchStore;
  /** Oldest first. */
  private readonly batches = new Map<string, Batch>();
  /** Custom ids that have had a passing error. */
  private readonly trouble = new Set<string>();
  private readonly run = randomBytes(6).toString('hex');
  private sequence = 0;
  private closed = false;

  constructor(private readonly context: BatchContext) {
    this.options = context.options;
    this.store = new BatchStore(context.state);
    for (const record of this.store.load()) {
      const batch = { record, items: null, results: null, timer: null, ending: false };
      this.batches.set(record.id, batch);
      this.sequence = record.sequence + 1;
      if (record.endedAt === null) this.schedule(batch);
      else for (const line of this.store.results(record.id)) this.noteTrouble(line);
    }
  }

  close(): void {
    this.closed = true;
    for (const { timer } of this.batches.values()) if (timer !== null) clearTimeout(timer);
  }

  /** Throws `Refused`; then nothing was made. */
  create(exchange: HttpExchange, fault: Fault | null): void {
    if (this.closed) return; // a late commit came too late
    const version = exchange.header('anthropic-version');
    checkVersion(version);
    const items = readItems(exchange.body);
    const now = Date.now();
    const record: BatchRecord = {
      id: `msgbatch_stand_in_${this.run}${String(this.sequence).padStart(6, '0')}`,
      sequence: this.sequence++,
      createdAt: now,
      version: version ?? null,
      options: this.options,
      items: items.length,
      hiddenUntil: fault?.kind === 'not_found_yet' ? now + (fault.ms ?? 1000) : 0,
      cancelAt: null,
      endedAt: null,
      counts: { succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    };
    this.store.saveItems(record.id, items);
    this.store.save(record);
    const batch = { record, items, results: null, timer: null, ending: false };
    this.batches.set(record.id, batch);
    this.schedule(batch);
    this.context.stats.batch('created');
    this.context.stats.batch('items', items.length);
    exchange.json(200, describe(batch, exchange));
  }

  retrieve(exchange: HttpExchange, id: string): void {
    exchange.json(200, describe(this.find(id), exchange));
  }

  list(exchange: HttpExchange): void {
    const newestFirst = [...this.batches.values()].reverse().map((batch) => describe(batch, exchange));
    exchange.json(200, pageOf(newestFirst, readPageQuery(exchange.query)));
  }

  cancel(exchange: HttpExchange, id: string): void {
    const batch = this.find(id);
    const { record } = batch;
    if (record.endedAt !== null) throw new Refused('bad_request', `batch ${id} has ended and can not be canceled`);
    if (record.cancelAt === null) {
      record.cancelAt = Date.now();
      this.store.save(record);
      this.schedule(batch);
      this.context.stats.batch('canceled');
    }
    exchange.json(200, describe(batch, exchange));
  }

  delete(exchange: HttpExchange, id: string): void {
    const { record } = this.find(id);
    if (record.endedAt === null) throw new Refused('bad_request', `batch ${id} has not ended: cancel it first`);
    this.batches.delete(id);
    this.store.drop(id);
    this.context.stats.batch('deleted');
    exchange.json(200, { id, type: 'message_batch_deleted' });
  }

  results(exchange: HttpExchange, id: string, fault: Fault | null): void {
    const batch = this.find(id);
    if (batch.record.endedAt === null) throw new Refused('not_found', `batch ${id} has not ended: no results yet`);
    const lines = batch.results ?? this.store.results(id);
    exchange.lines(lines, fault?.kind === 'cut_results' ? (fault.rows ?? 0) : null);
  }

  private find(id: string): Batch {
    const batch = this.batches.get(id);
    if (batch !== undefined && batch.record.hiddenUntil <= Date.now()) return batch;
    throw new Refused('not_found', `no such batch: ${id}`);
  }

  private schedule(batch: Batch): void {
    if (batch.ending) return;
    if (batch.timer !== null) clearTimeout(batch.timer);
    const wait = Math.max(0, endsAt(batch.record) - Date.now());
    batch.timer = setTimeout(() => void this.end(batch), Math.min(wait, 2 ** 31 - 1));
  }

  /**
   * Results first, then the ledger in one piece, then the record. What a killed process had charged for already is not
   * charged for again by the one that goes on.
   */
  private async end(batch: Batch): Promise<void> {
    batch.ending = true;
    const { record } = batch;
    const { ledger, stats } = this.context;
    const items = inResultOrder(batch.items ?? this.store.items(record.id), this.context.seed);
    // a cancel from here on changes nothing any more
    const context = { ...this.context, batch: { ...record }, hadTrouble: (id: string) => this.trouble.has(id) };
    const counts = { succeeded: 0, errored: 0, canceled: 0, expired: 0 };
    const lines: string[] = [];
    const payments: LedgerEntry[] = [];
    const trouble: string[] = [];
    const at = new Date().toISOString();
    for (const [index, item] of items.entries()) {
      if (index % SLICE === SLICE - 1) await new Promise((resolve) => setImmediate(resolve));
      if (this.closed) return;
      const { type, line, paid, passing } = outcomeOf(item, context);
      counts[type]++;
      lines.push(line);
      if (passing) trouble.push(item.custom_id);
      if (paid === null) continue;
      payments.push({ at, sha256: paid, id: `${record.id}/${item.custom_id}`, judgement: item.custom_id });
    }
    this.store.saveResults(record.id, lines);
    const charged = this.context.state === null ? null : ledger.idsWith(`${record.id}/`);
    const due = charged === null || charged.size === 0 ? payments : payments.filter(({ id }) => !charged.has(id));
    ledger.add(due);
    stats.paid(due.length);
    record.counts = counts;
    record.endedAt = Date.now();
    this.store.save(record);
    this.store.dropItems(record.id);
    stats.batch('ended');
    for (const id of trouble) this.trouble.add(id);
    batch.items = null;
    batch.results = this.context.state === null ? lines : null;
  }

  private noteTrouble(line: string): void {
    const { custom_id: id, result } = JSON.parse(line) as ResultLine;
    if (result.type === 'expired' || result.type === 'canceled' || result.error?.error.type === 'api_error') {
      this.trouble.add(id);
    }
  }
}

interface ResultLine {
  custom_id: string;
  result: { type: string; error?: { error: { type: string } } };
}

function endsAt({ createdAt, cancelAt, options }: BatchRecord): number {
  const { processingMs, cancelingMs, expiresMs } = timesOf(options);
  const end = createdAt + Math.min(processingMs, expiresMs);
  return cancelAt === null ? end : Math.min(end, cancelAt + cancelingMs);
}

/** What the API says about a batch. Every item is `processing` until all of it has ended. */
function describe({ record }: Batch, exchange: HttpExchange): { id: string } & Record<string, unknown> {
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
