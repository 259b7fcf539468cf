/**
 * One look at a shard's batches: takes in what has ended, submits what is still to be asked, and throws `BatchWaits`
 * while anything is in flight. Returns when nothing is left that a batch could do; the rest is for live judging.
 *
 * Knows nothing of Temporal; all that lasts is in the store, so that any process can make the next look.
 */
import type { Sha256 } from '../../experiment/canonical';
import type { Instrument } from '../../experiment/plan';
import type { JudgementRequest } from '../../experiment/rows';
import { SYSTEM_CLOCK } from '../clock';
import { JudgeStopped, RequestFailed } from '../errors';
import type { Journal, JournalContents, Usage } from '../../artifacts/journal';
import { buildCall, type JudgeCall, RubricInvalid } from '../request';
import type { BatchFailure, BatchStatus } from './client';
import * as files from './files';
import { ingest, type Ingested } from './ingest';
import { CALL_DEADLINE_MS, newerThan, settle, submit, type Submitting } from './submit';
import { BatchWaits, isNotFound, nextLookMs, repeatable } from './waits';

export interface BatchRun extends Submitting {
  requests: readonly JudgementRequest[];
  instruments: Readonly<Record<Sha256, Instrument>>;
  host: string;
  /** What the journals of all attempts hold now. */
  read: () => Promise<JournalContents>;
  /** This attempt's journal; opened when there is something to write, since most looks find nothing. */
  open: () => Promise<Journal>;
  /** Before money is spent, with about what the experiment's batches in flight will cost; may throw. */
  beforeCreate: (usdInFlight: number) => Promise<void>;
  onPaid: (usage: Usage) => Promise<void>;
  onProgress: (progress: BatchProgress) => void;
}

export interface BatchProgress {
  batch: string | null;
  done: number;
  of: number;
}

export interface BatchRunResult {
  /** What this activity has taken from batches, in all its attempts. */
  usage: Usage;
  /** Judgements that live requests have to do, and why; null when it is only single items. */
  left: number;
  reason: string | null;
}

/** Providers' limits are 50,000 requests and 200 MB, or more; far below them, a batch costs a worker little memory. */
export const MOST_REQUESTS = 10_000;
const MOST_BYTES = 24 * 1024 * 1024;
/** How often one judgement is put into a batch before it is asked live. */
export const ROUNDS = 3;
/** A batch younger than this may be unknown to some of the provider's machines. */
const KNOWN_AFTER_MS = 10 * 60_000;
/** Results are kept for 29 days. */
const RESULTS_KEPT_MS = 29 * 24 * 3_600_000;
/** Attempts to create that came to nothing within an hour, before live judging decides, or the judging stops. */
const FAILED_SUBMISSIONS = 5;
const FAILURES_COUNT_MS = 3_600_000;
/** A queue without room is tried again after so many times the first pause; what did not fit into an empty one is halved. */
const QUEUE_PAUSES = 20;
const FEWEST_REQUESTS = 20;
const QUEUE_COUNTS_MS = 24 * 3_600_000;
/** No batch is older that has not ended. */
const LONGEST_LIFE_MS = 25 * 3_600_000;
/** How long a cancelled batch is awaited on the spot. */
const CANCEL_WAIT_MS = 10_000;

export async function runBatches(run: BatchRun): Promise<BatchRunResult> {
  return new BatchLook(run).run();
}

/** Cancels what is in flight, and takes in what had finished before: it is paid. */
export async function cancelBatches(run: BatchRun): Promise<BatchRunResult> {
  return new BatchLook(run).cancel();
}

/** A submission whose end is not known yet. */
interface PendingSubmission {
  ids: readonly Sha256[];
  /** When to look again, and what was seen. */
  wait: BatchWaits;
  /** Null while it is not known whether there is a batch. */
  batch: string | null;
  /** Certainly ours, and not one of several candidates. */
  ours: boolean;
}

class BatchLook {
  private readonly byId: Map<Sha256, JudgementRequest>;
  /** Judgements that only live requests can decide. */
  private readonly live = new Set<Sha256>();
  private readonly rounds = new Map<Sha256, number>();
  /** Created in this attempt: the first look at them is the next attempt's. */
  private readonly createdNow = new Set<string>();
  private usage: Usage = NO_USAGE;
  private submissions: files.KnownSubmission[] = [];
  private journal: Journal | null = null;
  private refusal: string | null = null;
  /** What stops one batch keeps no other from being cancelled; it is thrown afterwards. */
  private cancelling = false;
  private stop: JudgeStopped | null = null;
  /** Batches of late that the provider's queue had no room for, and how many requests may fit. */
  private noRoom: { at: number; most: number }[] = [];

  constructor(private readonly context: BatchRun) {
    this.byId = new Map(context.requests.map((request) => [request.id, request]));
  }

  async run(): Promise<BatchRunResult> {
    for (;;) {
      const pending = await this.follow();
      const inFlight = new Set(pending.flatMap(({ ids }) => ids));
      const todo = (await this.unanswered()).filter(({ id }) => !inFlight.has(id));
      const unreachable = todo.length === 0 ? null : this.unreachable();
      const reason = this.refusal ?? unreachable;
      if (todo.length === 0 || reason !== null) {
        if (pending.length > 0) throw firstToLookAt(pending);
        if (unreachable !== null && this.context.client.upload !== undefined)
          throw new JudgeStopped('configuration', `${unreachable.replace(/\.$/, '')}. ${WITHOUT_BATCHES}`);
        return this.result(reason);
      }
      if (this.noRoom.length > 0 && pending.length > 0) throw firstToLookAt(pending);
      const most = this.room();
      const { store, account, experiment, now, signal } = this.context;
      await (await this.writing()).writable(signal);
      await this.context.beforeCreate(await files.usdInFlight(store, account, experiment, now()));
      const outcome = await submit(this.context, this.cut(todo, most));
      if (outcome.how === 'created') for (const id of outcome.batches) this.createdNow.add(id);
    }
  }

  async cancel(): Promise<BatchRunResult> {
    const { store, work, client, signal, timing } = this.context;
    const until = Date.now() + CANCEL_WAIT_MS;
    this.cancelling = true;
    let pending = await this.follow();
    let failed: RequestFailed | null = null;
    for (const { batch, ours } of pending) {
      if (batch === null || !ours) continue;
      await files.recordCancel(store, work, batch);
      try {
        await client.cancel(batch, { signal, deadlineMs: CALL_DEADLINE_MS });
      } catch (error) {
        // one that has ended in the meantime, or is not known yet, refuses
        if (!(error instanceof RequestFailed)) throw error;
        if (error.failure.action !== 'item' && !isNotFound(error)) failed ??= error;
      }
    }
    if (failed !== null) throw failed;
    while (pending.length > 0 && Date.now() < until) {
      await SYSTEM_CLOCK.sleep(Math.min(1000, timing.lookMs), signal);
      pending = await this.follow();
    }
    const unknown = pending.find(({ batch }) => batch === null);
    if (unknown !== undefined) throw unknown.wait;
    if (this.stop !== null) throw this.stop;
    return this.result(null);
  }

  /** Takes in every batch that has ended, and returns those that have not. */
  private async follow(): Promise<PendingSubmission[]> {
    const { store, work } = this.context;
    this.live.clear();
    this.rounds.clear();
    this.noRoom = [];
    this.usage = NO_USAGE;
    this.submissions = (await files.submissionsOf(store, work)).filter(({ ids }) =>
      ids.some((id) => this.byId.has(id)),
    );
    const pending: PendingSubmission[] = [];
    for (const submission of this.submissions) {
      try {
        const outcome = submission.outcome ?? (await this.settled(submission));
        if (outcome !== null) pending.push(...(await this.followOne(submission, outcome)));
      } catch (error) {
        if (error instanceof BatchWaits) pending.push({ ids: submission.ids, wait: error, batch: null, ours: false });
        else if (this.cancelling && error instanceof JudgeStopped) this.stop ??= error;
        else throw error;
      }
    }
    return pending;
  }

  /** Null: it was never sent. */
  private async settled({ work, number }: files.KnownSubmission): Promise<files.Outcome | null> {
    const last = await files.latestTurn(this.context.store, this.context.account);
    if (last === null) return null;
    const { turn } = last;
    const isLast = turn.work.group === work.group && turn.work.key === work.key && turn.submission === number;
    return isLast ? settle(this.context, turn) : null;
  }

  private async followOne(submission: files.KnownSubmission, outcome: files.Outcome): Promise<PendingSubmission[]> {
    const { store, work } = this.context;
    if (outcome.how === 'refused' && submission.work.key === work.key) {
      this.refusal = outcome.reason;
      for (const id of submission.ids) this.live.add(id);
    }
    const pending: PendingSubmission[] = [];
    for (const batch of outcome.batches) {
      try {
        const ended = (await files.readEnded(store, work, batch)) ?? (await this.end(submission, outcome, batch));
        if (ended.foreign) continue;
        if (ended.holder === this.context.holder) this.usage = sum(this.usage, ended.usage);
        if (ended.queueFull !== undefined) {
          const half = Math.max(FEWEST_REQUESTS, Math.floor(submission.ids.length / 2));
          const at = Date.parse(ended.at);
          const recent = this.context.now() - at < QUEUE_COUNTS_MS;
          if (recent) this.noRoom.push({ at, most: ended.queueFull === 'alone' ? half : MOST_REQUESTS });
        }
        for (const id of ended.live) this.live.add(id);
        for (const id of ended.again) this.rounds.set(id, (this.rounds.get(id) ?? 0) + 1);
        return []; // the other candidates are then somebody else's
      } catch (error) {
        if (!(error instanceof BatchWaits)) throw error;
        pending.push({ ids: submission.ids, wait: error, batch, ours: outcome.batches.length === 1 });
      }
    }
    return pending;
  }

  /** This attempt's journal; a batch is made only when its results can be kept. */
  private async writing(): Promise<Journal> {
    return (this.journal ??= await this.context.open());
  }

  /** Throws `BatchWaits` while the batch has not ended. */
  private async end(submission: files.KnownSubmission, outcome: files.Outcome, id: string): Promise<files.Ended> {
    const { store, work, client, signal, timing, now, host, instruments } = this.context;
    const age = now() - Date.parse(outcome.at);
    const waiting = (what: string) => new BatchWaits(nextLookMs(timing, age), `batch ${id}: ${what}`);
    if (this.createdNow.has(id)) throw waiting(`0 of ${submission.ids.length} done`);
    const options = { signal, deadlineMs: CALL_DEADLINE_MS };
    let batch: BatchStatus;
    try {
      batch = await repeatable(timing, `looking at batch ${id}`, () => client.retrieve(id, options));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      if (age < KNOWN_AFTER_MS || (await this.isListed(id))) throw waiting('the provider does not know it yet');
      return this.gone(submission, outcome, id);
    }
    if (batch.failure !== undefined) return this.failed(batch, batch.failure);
    if (!batch.ended) throw waiting(`${batch.finished} of ${submission.ids.length} done`);

    const ingesting = {
      client,
      instruments,
      requests: this.byId,
      journal: await this.writing(),
      host,
      now,
      signal,
      onProgress: (done: number, of: number) => this.context.onProgress({ batch: id, done, of }),
    };
    let ingested: Ingested;
    try {
      ingested = await repeatable(timing, `results of batch ${id}`, () =>
        ingest(ingesting, batch, new Set(submission.ids)),
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
      if (age < RESULTS_KEPT_MS) throw waiting('its results are not there yet');
      return this.gone(submission, outcome, id);
    }
    const { left, usage } = ingested;
    if (left === null) return this.record(id, { foreign: true, live: [], again: [], usage: NO_USAGE });
    await this.context.onPaid(usage);
    // what we cancelled ourselves has not had its chance
    const again = (await files.wasCancelled(store, work, id)) ? [] : left.again;
    return this.record(id, { foreign: false, live: left.live, again, usage });
  }

  /** Nothing of it was worked on or paid, so its requests have not had their chance. */
  private async failed({ id, createdAt }: BatchStatus, { kind, message }: BatchFailure): Promise<files.Ended> {
    const nothing = { foreign: false, live: [], again: [], usage: NO_USAGE };
    if (kind !== 'queue_full') {
      const ended = await this.record(id, nothing);
      if (this.cancelling) return ended;
      throw new JudgeStopped(kind, `batch ${id}: ${message}`);
    }
    const oldest = new Date(Date.parse(createdAt) - LONGEST_LIFE_MS).toISOString();
    const others = await newerThan(this.context, { newest: oldest, ids: [id] });
    const alone = others.every(({ ended }) => ended);
    return this.record(id, { ...nothing, queueFull: alone ? 'alone' : 'shared' });
  }

  /** How many requests the provider's queue may have room for; throws `BatchWaits` while it had none just now. */
  private room(): number {
    const { now, timing } = this.context;
    const until = Math.max(...this.noRoom.map(({ at }) => at + QUEUE_PAUSES * timing.lookMs));
    if (now() < until) throw new BatchWaits(until - now(), "the provider's queue had no room for a batch");
    return Math.min(MOST_REQUESTS, ...this.noRoom.map(({ most }) => most));
  }

  /** A batch that nobody knows any more can not be read: its requests are as good as expired. */
  private gone(submission: files.KnownSubmission, outcome: files.Outcome, id: string): Promise<files.Ended> {
    const again = submission.ids.filter((each) => this.byId.has(each));
    return this.record(id, { foreign: outcome.how === 'found', live: [], again, usage: NO_USAGE });
  }

  private async record(batch: string, ended: Omit<files.Ended, 'holder' | 'at'>): Promise<files.Ended> {
    const { store, work, now, holder } = this.context;
    const whole = { ...ended, holder, at: new Date(now()).toISOString() };
    await files.recordEnded(store, work, batch, whole);
    return whole;
  }

  private async isListed(id: string): Promise<boolean> {
    const listed = await newerThan(this.context, { newest: null, ids: [] });
    return listed.some((batch) => batch.id === id);
  }

  /** What a batch could still answer, in the order of ids. */
  private async unanswered(): Promise<JudgementRequest[]> {
    const { finished, unparsed } = this.journal ?? (await this.context.read());
    return this.context.requests
      .filter(({ id }) => !finished.has(id) && !unparsed.has(id) && !this.live.has(id))
      .filter(({ id }) => (this.rounds.get(id) ?? 0) < ROUNDS)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /**
   * Why no further batch is tried with a server that stays away. Live judging decides then. Where requests are sent
   * beforehand, which a slow connection may never manage, a person decides, and the next run counts anew.
   */
  private unreachable(): string | null {
    const { work, client, holder, now } = this.context;
    const counts = (each: files.KnownSubmission): boolean => client.upload === undefined || each.holder === holder;
    const recent = this.submissions.filter(
      (each) => each.work.key === work.key && counts(each) && now() - Date.parse(each.at) < FAILURES_COUNT_MS,
    );
    const failed = recent.filter(({ outcome }) => outcome?.how === 'absent');
    return failed.length < FAILED_SUBMISSIONS ? null : `no batch could be created: ${failed.at(-1)?.outcome?.reason}`;
  }

  /** The first of these, as many as fit into one batch of one model and one API version. */
  private cut(todo: readonly JudgementRequest[], most: number): JudgeCall[] {
    const calls: JudgeCall[] = [];
    let bytes = 0;
    for (const request of todo) {
      const call = callOf(request, this.context.instruments[request.instrument]);
      if (calls[0] !== undefined && !goTogether(calls[0], call)) continue;
      bytes += Buffer.byteLength(call.body);
      if (calls.length === most || (calls.length > 0 && bytes > MOST_BYTES)) break;
      calls.push(call);
    }
    return calls;
  }

  private async result(reason: string | null): Promise<BatchRunResult> {
    const { finished } = this.journal ?? (await this.context.read());
    const left = this.context.requests.filter(({ id }) => !finished.has(id)).length;
    return { usage: this.usage, left, reason };
  }
}

const WITHOUT_BATCHES =
  'Set `mode: live` for this judge to ask without batches, at the full price; where sending the requests takes too long, raise FLAMINGO_BATCH_CREATE_SECONDS';

const NO_USAGE: Usage = { requests: 0, inputTokens: 0, outputTokens: 0 };

function sum(one: Usage, other: Usage): Usage {
  return {
    requests: one.requests + other.requests,
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
  };
}

function callOf(request: JudgementRequest, instrument: Instrument | undefined): JudgeCall {
  if (instrument === undefined)
    throw new JudgeStopped('configuration', `no instrument has the key ${request.instrument}`);
  try {
    return buildCall(request, instrument);
  } catch (error) {
    if (!(error instanceof RubricInvalid)) throw error;
    throw new JudgeStopped('configuration', `metric ${instrument.metric}: ${error.message}`);
  }
}

function goTogether(one: JudgeCall, other: JudgeCall): boolean {
  const same = one.headers['anthropic-version'] === other.headers['anthropic-version'];
  return same && one.params.model === other.params.model;
}

function firstToLookAt(pending: readonly PendingSubmission[]): BatchWaits {
  return pending.map(({ wait }) => wait).reduce((first, next) => (next.delayMs < first.delayMs ? next : first));
}
