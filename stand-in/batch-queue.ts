/**
 * Batches on their way, whichever API they came by: kept, and ended in their time. Items are paid, and counted, only when
 * the whole batch ends.
 */
import { randomBytes } from 'node:crypto';
import { type BatchOptions, timesOf } from './batch-options';
import { inResultOrder, type ItemFormat, outcomeOf } from './batch-outcome';
import { type BatchItem, type BatchRecord, BatchStore } from './batch-store';
import { Refused } from './http-exchange';
import type { FaultScript } from './faults';
import type { Ledger, LedgerEntry } from './ledger';
import type { Models } from './models';
import type { Stats } from './stats';

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
  /** Of the batches that are made from now on; may be changed. */
  settings: { options: BatchOptions };
  seed: number;
  ledger: Ledger;
  faults: FaultScript;
  models: Models;
  stats: Stats;
}

/** How an API has its batches. */
export interface BatchFormat extends ItemFormat {
  /** What the ids of batches begin with. */
  prefix: string;
  /** The custom id in a line of results whose item would go well in another batch; null in other lines. */
  passing: (line: string) => string | null;
  /** Called with the lines of a batch that ends, before its record is kept. */
  ended?: (record: BatchRecord, lines: readonly string[]) => void;
}

/** What the API that takes a batch in says of it. */
export type NewBatch = Pick<BatchRecord, 'version' | 'hiddenUntil'> & Pick<Partial<BatchRecord>, 'upload' | 'failure'>;

export class BatchQueue {
  /** It takes in no more. */
  closed = false;
  private readonly store: BatchStore;
  /** Oldest first. */
  private readonly batches = new Map<string, Batch>();
  /** Custom ids that have had a passing error. */
  private readonly trouble = new Set<string>();
  private readonly run = randomBytes(6).toString('hex');
  private sequence = 0;

  constructor(
    private readonly context: BatchContext,
    private readonly format: BatchFormat,
  ) {
    this.store = new BatchStore(context.state);
    for (const record of this.store.load()) {
      const batch = { record, items: null, results: null, timer: null, ending: false };
      this.batches.set(record.id, batch);
      this.sequence = record.sequence + 1;
      if (record.endedAt === null) this.schedule(batch);
      else this.noteTrouble(this.store.results(record.id));
    }
  }

  close(): void {
    this.closed = true;
    for (const { timer } of this.batches.values()) if (timer !== null) clearTimeout(timer);
  }

  add(items: BatchItem[], about: NewBatch): BatchRecord {
    const { settings, stats } = this.context;
    const record: BatchRecord = {
      id: `${this.format.prefix}${this.run}${String(this.sequence).padStart(6, '0')}`,
      sequence: this.sequence++,
      createdAt: Date.now(),
      options: settings.options,
      items: items.length,
      cancelAt: null,
      endedAt: null,
      counts: { succeeded: 0, errored: 0, canceled: 0, expired: 0 },
      ...about,
    };
    this.store.saveItems(record.id, items);
    this.store.save(record);
    const batch = { record, items, results: null, timer: null, ending: false };
    this.batches.set(record.id, batch);
    this.schedule(batch);
    stats.batch('created');
    stats.batch('items', items.length);
    return record;
  }

  /** Throws `Refused` for a batch that there is not, or that is hidden yet. */
  get(id: string): BatchRecord {
    return this.find(id).record;
  }

  newestFirst(): BatchRecord[] {
    return [...this.batches.values()].reverse().map(({ record }) => record);
  }

  /** The batch has not ended. */
  cancel(id: string): void {
    const batch = this.find(id);
    const { record } = batch;
    if (record.cancelAt !== null) return;
    record.cancelAt = Date.now();
    this.store.save(record);
    this.schedule(batch);
    this.context.stats.batch('canceled');
  }

  /** The batch has ended. */
  delete(id: string): void {
    this.batches.delete(id);
    this.store.drop(id);
    this.context.stats.batch('deleted');
  }

  /** Of a batch that has ended. */
  results(id: string): string[] {
    return this.find(id).results ?? this.store.results(id);
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
    const { ledger, stats, seed } = this.context;
    const all = record.failure === undefined ? (batch.items ?? this.store.items(record.id)) : [];
    // a cancel from here on changes nothing any more
    const hadTrouble = (id: string): boolean => this.trouble.has(id);
    const context = { ...this.context, format: this.format, batch: { ...record }, hadTrouble };
    const counts = { succeeded: 0, errored: 0, canceled: 0, expired: 0 };
    const lines: string[] = [];
    const payments: LedgerEntry[] = [];
    const trouble: string[] = [];
    const at = new Date().toISOString();
    for (const [index, item] of inResultOrder(all, seed).entries()) {
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
    this.format.ended?.(record, lines);
    this.store.save(record);
    this.store.dropItems(record.id);
    stats.batch('ended');
    for (const id of trouble) this.trouble.add(id);
    batch.items = null;
    batch.results = this.context.state === null ? lines : null;
  }

  private noteTrouble(lines: readonly string[]): void {
    for (const line of lines) {
      const id = this.format.passing(line);
      if (id !== null) this.trouble.add(id);
    }
  }
}

/** Epoch milliseconds. One that its API refuses after a look at it ends with that look. */
export function endsAt({ createdAt, cancelAt, options, failure }: BatchRecord): number {
  const { processingMs, validatingMs, cancelingMs, expiresMs } = timesOf(options);
  if (failure !== undefined) return createdAt + validatingMs;
  const end = createdAt + Math.min(processingMs, expiresMs);
  return cancelAt === null ? end : Math.min(end, cancelAt + cancelingMs);
}
