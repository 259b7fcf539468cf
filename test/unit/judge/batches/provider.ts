/** A provider of message batches in memory, on a clock that tests move, and what a worker does with it until it is done. */
import {
  journaledAttempts,
  openJournal,
  readJournals,
  type Journal,
  type JournalContents,
} from '../../../../artifacts/journal';
import {
  type BatchClient,
  type BatchFailure,
  type BatchResult,
  type BatchStatus,
  type NewBatch,
} from '../../../../judge/batches/client';
import { OPEN } from '../../../../judge/batches/gate';
import { type BatchRun, type BatchRunResult, cancelBatches, runBatches } from '../../../../judge/batches/run';
import { BatchWaits } from '../../../../judge/batches/waits';
import { type RequestFailure, RequestFailed } from '../../../../judge/errors';
import type { JudgeCall } from '../../../../judge/request';
import type { Store, WorkKey } from '../../../../artifacts/store';
import { keyOf } from '../../../../experiment/canonical';
import type { JudgementRequest } from '../../../../experiment/rows';
import { INSTRUMENT, INSTRUMENT_KEY } from '../fixtures';

export const START = Date.parse('2026-01-01T00:00:00Z');
/** An hour's batch, on a clock of its own. */
export const PROCESSING_MS = 3_600_000;

interface Batch {
  id: string;
  ids: string[];
  createdAt: number;
  cancelledAt: number | null;
  /** Not in the list before. */
  listedAt: number;
  endsAt: number;
  marks?: string[];
  failure?: BatchFailure;
}

export const LOST: RequestFailure = {
  action: 'retry',
  kind: 'cut_body',
  message: 'cut',
  delayMs: null,
  mayBePaid: true,
};
export const NEVER_SENT: RequestFailure = {
  action: 'retry',
  kind: 'network',
  message: 'no',
  delayMs: null,
  mayBePaid: false,
};
export const NOT_FOUND: RequestFailure = { action: 'stop', kind: 'unknown_model', message: '404 not_found_error' };

/** The process dies: nothing after this call happens. */
export class Killed extends Error {}

export class Provider implements BatchClient {
  readonly judge = 'stand-in' as const;
  readonly batches: Batch[] = [];
  readonly cancelled: string[] = [];
  now = START;
  looks = 0;
  private made = 0;
  /** Before the request of a creation reaches the provider, and before its reply reaches the worker. */
  onCreate: (() => void) | null = null;
  onCreated: (() => void) | null = null;
  onRetrieve: (() => void) | null = null;
  listDelayMs = 0;
  /** Cut the results after so many lines, once. */
  cutAfter: number | null = null;
  answer: (id: string, round: number) => BatchResult = (id) => success(id, '95');
  private readonly asked = new Map<string, number>();

  create({ calls, ...more }: NewBatch): Promise<BatchStatus> {
    const own = (call: JudgeCall): boolean =>
      call.headers['anthropic-version'] === INSTRUMENT.apiVersion && call.params.temperature === 0;
    if (!calls.every(own)) throw new Error('not the instrument');
    once(this, 'onCreate');
    const batch = this.put(calls.map(({ id }) => id));
    this.mark?.(batch, more);
    once(this, 'onCreated');
    return Promise.resolve(this.status(batch));
  }

  /** What this provider keeps of a creation. */
  protected mark: ((batch: Batch, made: Omit<NewBatch, 'calls'>) => void) | null = null;

  /** A batch, of ours or of another program. */
  put(ids: string[]): Batch {
    const { now } = this;
    const id = `msgbatch_${++this.made}`;
    const batch = {
      id,
      ids,
      createdAt: now,
      cancelledAt: null,
      listedAt: now + this.listDelayMs,
      endsAt: now + PROCESSING_MS,
    };
    this.batches.push(batch);
    for (const each of ids) this.asked.set(each, (this.asked.get(each) ?? 0) + 1);
    return batch;
  }

  retrieve(id: string): Promise<BatchStatus> {
    this.looks++;
    once(this, 'onRetrieve');
    return Promise.resolve(this.status(this.find(id)));
  }

  /** Pages of two, so that paging is met. */
  list(after: string | null) {
    const listed = this.batches.filter(({ listedAt }) => listedAt <= this.now).reverse();
    const start = after === null ? 0 : listed.findIndex(({ id }) => id === after) + 1;
    const page = listed.slice(start, start + 2);
    return Promise.resolve({
      batches: page.map((batch) => this.status(batch)),
      next: start + 2 < listed.length ? (page.at(-1)?.id ?? null) : null,
    });
  }

  cancel(id: string): Promise<void> {
    const batch = this.find(id);
    if (this.now >= batch.endsAt) throw new RequestFailed({ action: 'item', kind: 'bad_request', message: 'ended' });
    this.cancelled.push(id);
    batch.cancelledAt = this.now;
    batch.endsAt = this.now;
    return Promise.resolve();
  }

  async *results(id: string): AsyncGenerator<BatchResult> {
    const batch = this.find(id);
    const answers = batch.ids.map((each): BatchResult => {
      // the first half is always done when a batch is cancelled
      const late = batch.ids.indexOf(each) >= batch.ids.length / 2;
      return batch.cancelledAt !== null && late
        ? { customId: each, kind: 'canceled' }
        : this.answer(each, this.asked.get(each) as number);
    });
    for (const [index, answer] of answers.reverse().entries()) {
      if (this.cutAfter === index) {
        this.cutAfter = null;
        throw new RequestFailed(LOST);
      }
      yield await Promise.resolve(answer);
    }
  }

  private find(id: string): Batch {
    const found = this.batches.find((batch) => batch.id === id);
    if (found === undefined) throw new RequestFailed(NOT_FOUND);
    return found;
  }

  private status({ id, ids, createdAt, endsAt, marks, failure }: Batch): BatchStatus {
    const ended = this.now >= endsAt;
    const failed = ended && failure !== undefined;
    return {
      id,
      ended,
      createdAt: new Date(createdAt).toISOString(),
      endedAt: ended ? new Date(endsAt).toISOString() : null,
      requests: ids.length,
      finished: ended ? ids.length : 0,
      ...(marks === undefined ? {} : { marks }),
      ...(failed ? { failure } : {}),
    };
  }
}

/** One that takes the requests beforehand, keeps what a creation puts on its batch, and has a queue that can be full. */
export class UploadingProvider extends Provider {
  uploads = 0;
  /** Before the requests are with the provider, and before the worker knows of it. */
  onUpload: (() => void) | null = null;
  onUploaded: (() => void) | null = null;
  keepsLabels = true;
  /** Most requests of all batches that have not ended. */
  room = Infinity;
  /** Refuses the next batch after its creation. */
  failure: BatchFailure | null = null;
  private readonly uploaded = new Set<string>();

  upload(calls: readonly JudgeCall[]): Promise<string> {
    const hook = this.onUpload;
    this.onUpload = null;
    hook?.();
    const name = `file-${++this.uploads}-of-${calls.length}`;
    this.uploaded.add(name);
    const after = this.onUploaded;
    this.onUploaded = null;
    after?.();
    return Promise.resolve(name);
  }

  protected override mark = (batch: Batch, { label, upload }: Omit<NewBatch, 'calls'>): void => {
    if (upload === null || !this.uploaded.delete(upload)) throw new Error('made of nothing, or of the same twice');
    batch.marks = this.keepsLabels ? [label] : [upload];
    const others = this.batches.filter((each) => each !== batch && this.now < each.endsAt);
    const queued = others.reduce((sum, { ids }) => sum + ids.length, batch.ids.length);
    const full = { kind: 'queue_full', message: 'the queue is full' } as const;
    const failure = this.failure ?? (queued > this.room ? full : null);
    this.failure = null;
    if (failure === null) return;
    batch.failure = failure;
    batch.endsAt = this.now + 60_000;
  };
}

export function fail(failure: RequestFailure): () => never {
  return () => {
    throw new RequestFailed(failure);
  };
}

export function success(customId: string, text: string): BatchResult {
  const reply = { text, stopReason: 'end_turn', model: 'stand-in-judge-1', inputTokens: 10, outputTokens: 2 };
  return { customId, kind: 'succeeded', reply };
}

function once(provider: Provider, hook: 'onCreate' | 'onCreated' | 'onRetrieve'): void {
  const call = provider[hook];
  provider[hook] = null;
  call?.();
}

/** A shard, and the attempts that a worker makes at it. */
export class Shard {
  attempts = 0;
  paid = 0;
  readonly work: WorkKey;

  constructor(
    private readonly store: Store,
    private readonly provider: Provider,
    readonly requests: JudgementRequest[],
  ) {
    this.work = { stage: 'judgements', group: 'context-instrument', key: keyOf(requests.map(({ id }) => id)) };
  }

  /** One attempt, as by a new process; throws what ends it. */
  async attempt(options: Partial<BatchRun> = {}, work = runBatches): Promise<BatchRunResult> {
    const { store, provider } = this;
    const attempt = await store.attempt(this.work, `a${++this.attempts}`);
    const earlier = await journaledAttempts(store, this.work);
    let journal: Journal | undefined;
    const { signal } = new AbortController();
    try {
      return await work({
        store,
        work: this.work,
        account: 'flamingo-judge-test',
        experiment: 'demo',
        usdOf: ({ requests: count }) => count,
        client: provider,
        gate: OPEN,
        timing: { lookMs: 15_000, createMs: 120_000, settleMs: 30_000 },
        now: () => provider.now,
        signal,
        hard: signal,
        requests: this.requests,
        instruments: { [INSTRUMENT_KEY]: INSTRUMENT },
        host: 'test-host',
        holder: 'test',
        read: () => readJournals(earlier),
        open: async () => (journal = await openJournal(attempt, earlier)),
        beforeCreate: () => Promise.resolve(),
        onPaid: ({ requests }) => Promise.resolve(void (this.paid += requests)),
        onProgress: () => undefined,
        ...options,
      });
    } finally {
      await journal?.close();
    }
  }

  cancel(): Promise<BatchRunResult> {
    return this.attempt({}, cancelBatches);
  }

  /** Attempts, each when the one before asked for it, until nothing is left for batches. A kill is followed at once. */
  async finish(options: Partial<BatchRun> = {}): Promise<BatchRunResult> {
    for (let attempts = 0; attempts < 500; attempts++) {
      try {
        return await this.attempt(options);
      } catch (error) {
        if (error instanceof BatchWaits) this.provider.now += error.delayMs;
        else if (!(error instanceof Killed)) throw error;
      }
    }
    throw new Error('not finished after 500 attempts');
  }

  async journal(): Promise<JournalContents> {
    return readJournals(await journaledAttempts(this.store, this.work));
  }
}
