/**
 * Judges a shard: asks the judge for every judgement that no journal holds yet, and returns all of them.
 *
 * What becomes of each judgement:
 * - a verdict is a row, in the journal the moment it is there; so is an item that the API refuses for its own text;
 * - an unparsable reply is asked once more with the same bytes, then it is a row `unparsable`; a table of likely tokens
 *   is not, since it would be the same again;
 * - a request that fails in transport also after its retries is *missing*: never a row, asked again by the next run;
 * - a systemic failure (`JudgeStopped`) ends the shard with its reason, and what is finished stays in the journal.
 *
 * No request is sent while the journal is not proven writable: a full store is waited for, and costs nothing.
 *
 * On abort no request is started any more; those in flight are awaited for `graceMs` and journaled, since they are paid,
 * then the abort's reason is thrown. Calling again with the same requests and a new journal in the same folder goes on.
 * Nothing here knows Temporal, and nothing but the client knows HTTP; `Pace` says when a request may start.
 */
import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import type { Sha256 } from '../experiment/canonical';
import type { Instrument } from '../experiment/plan';
import {
  noJudgements,
  type Judgement,
  type JudgementProvenance,
  type JudgementRequest,
  type JudgementStatus,
} from '../experiment/rows';
import { type Answer, RetryingJudge } from './ask';
import type { JudgeClient } from './client';
import { type Clock, SYSTEM_CLOCK } from './clock';
import { type RequestFailure, JudgeStopped } from './errors';
import type { FinishedJudgement, Journal, Usage } from '../artifacts/journal';
import { Pace } from './pacing/pace';
import { finishedJudgement, isWorthAskingAgain, parseReply } from './parse';
import { RefusedItems } from './refused-items';
import { buildCall, buildControlCall, type JudgeCall, RubricInvalid } from './request';

export interface JudgeOptions extends Partial<Clock> {
  requests: readonly JudgementRequest[];
  /** Every instrument that a request names, by its key. */
  instruments: Readonly<Record<Sha256, Instrument>>;
  client: JudgeClient;
  journal: Journal;
  /** Requests at once. Default 8; ignored with `pace`. */
  concurrency?: number;
  /** Shared by the shards of a worker. */
  pace?: Pace;
  /** The deadline of one request, reply included. Default 60 s: a reply of a few tokens takes one or two. */
  deadlineMs?: number;
  /** How long requests in flight are awaited after an abort. Default 15 s. */
  graceMs?: number;
  signal: AbortSignal;
  onProgress?: (progress: JudgeProgress) => void;
  host?: string;
}

export interface JudgeProgress {
  /** Judgements that are rows, those of earlier attempts included. */
  done: number;
  of: number;
  missing: number;
  /** HTTP requests of this call. */
  requestsSent: number;
  counts: StatusCounts;
  /** Why nothing moves at present, or the last failure; null when all is well. */
  trouble: string | null;
  /** Failures that were waited for or repeated, by kind. */
  troubles: Troubles;
}

export type Troubles = Partial<Record<RequestFailure['kind'], number>>;

export type StatusCounts = Record<JudgementStatus, number>;

export interface Missing {
  id: Sha256;
  /** The kind of the failure that ended the retries; `not_tried`: the judge was unreachable for those before. */
  kind: RequestFailure['kind'] | 'not_tried';
  message: string;
}

export interface JudgedItems {
  /** Sorted by id, like `provenance` and `missing`. */
  rows: Judgement[];
  provenance: JudgementProvenance[];
  counts: StatusCounts;
  missing: Missing[];
  /** What the shard has cost in all attempts, unparsable and lost replies included. */
  usage: Usage;
  /** HTTP requests of this call. */
  requestsSent: number;
  /** Failures of this call that were waited for or repeated, by kind. */
  troubles: Troubles;
  /** Complete journal lines that could not be read: damage on disk, worth a warning. */
  damagedLines: number;
}

/** Items of a shard that may be asked, or wait for their turn, at once; how many are in flight is the pace's business. */
const LANES = 400;

/** Bytes that the lines of a judgement take at most, besides its reply's text: ids, model, provenance. */
const LINE_BYTES = 1_500;
/** A token is mostly four bytes of text or less; as JSON it may be longer. */
const TOKEN_BYTES = 8;
/** A token of a table with its log-probability. */
const TABLE_ROW_BYTES = 48;

/** What does not fit is kept in memory. */
const MOST_ROOM = 2 ** 20;

/** Bytes that the replies to all requests in flight can take in the journal. */
export function roomInFlight(requests: number, instruments: Readonly<Record<Sha256, Instrument>>): number {
  const reply = Math.max(
    0,
    ...Object.values(instruments).map(
      ({ maxTokens, expected }) => TOKEN_BYTES * maxTokens + TABLE_ROW_BYTES * (expected?.topLogprobs ?? 0),
    ),
  );
  return Math.min(MOST_ROOM, Math.min(LANES, requests) * (LINE_BYTES + reply));
}

/** Throws `JudgeStopped`, `JudgeMustWait`, `JournalUnwritable`, or the signal's reason; the journal keeps the rest. */
export async function judgeItems(options: JudgeOptions): Promise<JudgedItems> {
  return new Shard(options).run();
}

class Shard {
  private readonly requests: Map<Sha256, JudgementRequest>;
  private readonly missing = new Map<Sha256, Missing>();
  private readonly quit = new AbortController();
  private readonly hard = new AbortController();
  private readonly refusedItems = new RefusedItems();
  private readonly retrying: RetryingJudge;
  private readonly now: () => number;
  private readonly host: string;
  private readonly counts: StatusCounts = noJudgements();
  private done = 0;
  private trouble: string | null = null;
  private readonly troubles: Troubles = {};

  constructor(private readonly options: JudgeOptions) {
    const { now, sleep, random } = { ...SYSTEM_CLOCK, ...options };
    this.requests = new Map(options.requests.map((request) => [request.id, request]));
    // every request in flight and every pause listens, and all take their listeners off again
    setMaxListeners(0, this.quit.signal, this.hard.signal);
    this.now = now;
    this.host = options.host ?? hostname();
    this.retrying = new RetryingJudge({
      client: options.client,
      keeping: options.journal,
      pace: options.pace ?? Pace.alone({ now, sleep, random }, options.concurrency ?? 8),
      clock: { now, sleep, random },
      deadlineMs: options.deadlineMs ?? 60_000,
      quit: this.quit.signal,
      hard: this.hard.signal,
      onTrouble: ({ kind, message }) => {
        this.trouble = message;
        this.troubles[kind] = (this.troubles[kind] ?? 0) + 1;
        this.report();
      },
    });
  }

  async run(): Promise<JudgedItems> {
    const { signal, journal, graceMs = 15_000 } = this.options;
    this.checkInstruments();
    const todo = [...this.requests.values()].filter(({ id }) => {
      const finished = journal.finished.get(id);
      if (finished !== undefined) this.count(finished);
      return finished === undefined;
    });
    const abort = () => this.quit.abort(signal.reason);
    let grace: NodeJS.Timeout | undefined;
    this.quit.signal.addEventListener('abort', () => {
      grace = setTimeout(() => this.hard.abort(this.quit.signal.reason), graceMs);
    });
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      this.report();
      const queue = todo.values();
      const workers = Math.min(LANES, todo.length);
      await Promise.all(Array.from({ length: workers }, () => this.work(queue)));
      await this.guard(() => this.settleRefusedItems());
      this.quit.signal.throwIfAborted();
      return this.result();
    } finally {
      clearTimeout(grace);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Takes items from the common queue until it is empty or something ends the shard. */
  private async work(queue: Iterator<JudgementRequest>): Promise<void> {
    await this.guard(async () => {
      for (let next = queue.next(); !next.done; next = queue.next()) {
        this.quit.signal.throwIfAborted();
        await this.judge(next.value);
      }
    });
  }

  /** Whatever is thrown ends the whole shard: the other workers start nothing new and finish what is in flight. */
  private async guard(part: () => Promise<void>): Promise<void> {
    try {
      await part();
    } catch (error) {
      if (!this.quit.signal.aborted) this.quit.abort(error);
    }
  }

  private async judge(request: JudgementRequest): Promise<void> {
    const { journal } = this.options;
    const instrument = this.options.instruments[request.instrument]!;
    let call: JudgeCall | undefined; // made before the first attempt: all attempts, and a re-ask, send these bytes
    const build = (): JudgeCall => (call ??= buildCall(request, instrument));
    const told = instrument.rubric.length + (instrument.system?.length ?? 0);
    const characters = told + request.question.length + request.answer.length;
    const spent: Usage = { requests: 0, inputTokens: 0, outputTokens: 0 };
    for (;;) {
      const answer = await this.retrying.ask(build, characters);
      const paid = paidFor(answer);
      add(spent, paid);
      if (answer.kind === 'not_tried') {
        const message = `not tried: the judge did not answer before (${this.trouble ?? 'no reason known'})`;
        return this.miss(request, 'not_tried', message);
      }
      if (answer.kind === 'exhausted') {
        if (paid.requests > 0) journal.appendSpent(paid);
        return this.miss(request, answer.failure.kind, answer.failure.message);
      }
      if (answer.kind === 'refused') {
        if (paid.requests > 0) journal.appendSpent(paid);
        return this.refused(request, answer);
      }
      this.answered(request.instrument, answer.number);
      const { reply } = answer;
      const verdict = parseReply(reply, instrument);
      if (isWorthAskingAgain(verdict, instrument) && !journal.unparsed.has(request.id)) {
        journal.appendUnparsed(request.id, paid);
        continue;
      }
      this.finish(
        request,
        verdict,
        { requestId: reply.requestId, model: reply.model, latencyMs: reply.latencyMs, ...spent },
        paid,
      );
      return;
    }
  }

  /** A reply proves that the instrument's settings are right, so items refused before are refused for their own text. */
  private answered(instrument: Sha256, number: number): void {
    this.trouble = null;
    for (const item of this.refusedItems.settle(instrument, number)) this.fail(item.request, item.message);
  }

  private async refused(request: JudgementRequest, answer: Answer & { kind: 'refused' }): Promise<void> {
    const { kind, message } = answer.failure;
    if (kind === 'too_large') return this.fail(request, message);
    if (this.refusedItems.add({ request, message, sentBefore: this.retrying.requestsSent }))
      await this.control(request.instrument);
  }

  private async settleRefusedItems(): Promise<void> {
    for (const instrument of this.refusedItems.instruments()) await this.control(instrument);
  }

  /** Asks with a harmless text: only if that is answered are the refused items themselves at fault. */
  private async control(key: Sha256): Promise<void> {
    const instrument = this.options.instruments[key]!;
    // at the end of the queue it would come after all that may be refused in the same way
    const answer = await this.retrying.ask(() => buildControlCall(instrument), instrument.rubric.length, true);
    const paid = paidFor(answer);
    if (paid.requests > 0) this.options.journal.appendSpent(paid);
    if (answer.kind === 'refused') throw new JudgeStopped('bad_request', answer.failure.message);
    if (answer.kind === 'reply') return this.answered(key, answer.number);
    for (const { request, message } of this.refusedItems.settle(key, Infinity))
      this.miss(request, 'bad_request', message);
  }

  private fail(request: JudgementRequest, message: string): void {
    const none: Usage = { requests: 0, inputTokens: 0, outputTokens: 0 };
    const verdict = { status: 'failed' as const, score: null, raw: message };
    this.finish(request, verdict, { requestId: null, model: null, latencyMs: 0, ...none }, none);
  }

  private finish(
    request: JudgementRequest,
    verdict: Pick<Judgement, 'status' | 'score' | 'verdict' | 'scores' | 'raw'>,
    facts: Omit<JudgementProvenance, 'id' | 'host' | 'at'>,
    paid: Usage,
  ): void {
    const { metric } = this.options.instruments[request.instrument]!;
    const at = new Date(this.now()).toISOString();
    const finished = finishedJudgement(request, metric, verdict, { ...facts, host: this.host, at });
    this.options.journal.append(finished, paid);
    this.count(finished);
    this.report();
  }

  private count({ row }: FinishedJudgement): void {
    this.done++;
    this.counts[row.status]++;
  }

  private miss({ id }: JudgementRequest, kind: Missing['kind'], message: string): void {
    this.missing.set(id, { id, kind, message });
    this.report();
  }

  private report(): void {
    this.options.onProgress?.({
      done: this.done,
      of: this.requests.size,
      missing: this.missing.size,
      requestsSent: this.retrying.requestsSent,
      counts: { ...this.counts },
      trouble: this.trouble,
      troubles: { ...this.troubles },
    });
  }

  private result(): JudgedItems {
    const { journal } = this.options;
    const ids = [...this.requests.keys()].sort();
    const finished = ids.flatMap((id) => journal.finished.get(id) ?? []);
    return {
      rows: finished.map(({ row }) => row),
      provenance: finished.map(({ provenance }) => provenance),
      counts: { ...this.counts },
      missing: ids.flatMap((id) => this.missing.get(id) ?? []),
      usage: { ...journal.paid },
      requestsSent: this.retrying.requestsSent,
      troubles: { ...this.troubles },
      damagedLines: journal.damagedLines,
    };
  }

  private checkInstruments(): void {
    for (const key of new Set(this.options.requests.map(({ instrument }) => instrument))) {
      const instrument = this.options.instruments[key];
      if (instrument === undefined) throw new JudgeStopped('configuration', `no instrument has the key ${key}`);
      const { judge } = this.options.client;
      if (instrument.judge !== judge) {
        throw new JudgeStopped(
          'configuration',
          `metric ${instrument.metric} wants '${instrument.judge}', not '${judge}'`,
        );
      }
      try {
        buildControlCall(instrument);
      } catch (error) {
        if (!(error instanceof RubricInvalid)) throw error;
        throw new JudgeStopped('configuration', `metric ${instrument.metric}: ${error.message}`);
      }
    }
  }
}

function paidFor(answer: Answer): Usage {
  const { inputTokens, outputTokens } = answer.kind === 'reply' ? answer.reply : { inputTokens: 0, outputTokens: 0 };
  return { requests: answer.lost + (answer.kind === 'reply' ? 1 : 0), inputTokens, outputTokens };
}

function add(sum: Usage, more: Usage): void {
  sum.requests += more.requests;
  sum.inputTokens += more.inputTokens;
  sum.outputTokens += more.outputTokens;
}
