/**
 * Makes a batch exactly once, across crashes and lost replies.
 *
 * APIs know no idempotency keys for batches; all that they show later is a list, with times and counts, or with what the
 * creation put on the batch. So creating is serialised for the account: an intent, the *turn*, is recorded with what the list
 * showed just before, and only whoever recorded it may send the one request. Nobody takes the next turn before this one is
 * settled:
 * - the reply came: it names the batch, or says that there is none;
 * - it did not: a batch that was not in the list before, has the turn's label or upload on it, or where the API keeps neither
 *   as many requests, and shows up within `settleMs` is it; should several do, all are looked at, and their results' custom
 *   ids tell;
 * - none has shown up when the request's deadline and `settleMs` are over: it was not made.
 * Anybody may settle anybody's turn, so a process that died holds nobody up. All times of the server are compared with
 * other times of the server, all of ours with ours.
 */
import { randomUUID } from 'node:crypto';
import type { Store, WorkKey } from '../../artifacts/store';
import type { Usage } from '../../artifacts/journal';
import type { JudgeCall } from '../request';
import { type RequestFailure, RequestFailed } from '../errors';
import type { BatchClient, BatchPage, BatchStatus } from './client';
import * as files from './files';
import type { Gate, Permit } from './gate';
import { after, type BatchTiming, BatchWaits, isNotFound, repeatable } from './waits';

export interface Submitting {
  store: Store;
  work: WorkKey;
  /** All who share it take turns. */
  account: string;
  /** Who pays. */
  experiment: string;
  usdOf: (usage: Usage) => number;
  client: BatchClient;
  /** The activity; its attempts share what they count. */
  holder: string;
  /** A creation waits here before its turn is recorded, and not between the record and the request. */
  gate: Gate;
  timing: BatchTiming;
  now: () => number;
  /** Ends what may be repeated. */
  signal: AbortSignal;
  /** Ends also a creation that is under way; its outcome is then found out later. */
  hard: AbortSignal;
}

/** The deadline of lists, looks and cancellations. */
export const CALL_DEADLINE_MS = 60_000;
/** Between the record of the turn and the request: a process that slept longer may have been given up by others. */
const PROMPT_MS = 2_000;

/** Sends these calls, all of one model and one API version, as one batch. Throws `BatchWaits` or `JudgeStopped` when it can not be. */
export async function submit(context: Submitting, calls: readonly JudgeCall[]): Promise<files.Outcome> {
  const { store, work, account, holder, timing, now } = context;
  const ids = calls.map(({ id }) => id).sort();
  const begin = async () => {
    const number = await files.recordSubmission(store, work, { ids, holder }, now());
    if (number === null) throw new BatchWaits(timing.lookMs, 'another attempt is submitting');
    const end = (how: files.Outcome['how'], reason: string | null, batches: string[] = []) =>
      files.recordOutcome(store, work, number, { how, batches, reason, at: new Date(now()).toISOString() });
    return { number, end };
  };

  const last = await files.latestTurn(store, account);
  let baseline: files.Baseline;
  try {
    const settled = last === null ? null : await settle(context, last.turn);
    baseline = await look(context, last, settled);
  } catch (error) {
    if (isNotFound(error)) return (await begin()).end('refused', 'the server has no message batches');
    if (error instanceof BatchWaits && error.away) await (await begin()).end('absent', error.message);
    throw error;
  }
  const permit = await context.gate.enter(context.signal);
  try {
    return await create(context, calls, { last, baseline, permit, ...(await begin()) });
  } finally {
    permit.leave();
  }
}

interface Beginning {
  last: { number: number } | null;
  baseline: files.Baseline;
  permit: Permit;
  number: number;
  end: (how: files.Outcome['how'], reason: string | null, batches?: string[]) => Promise<files.Outcome>;
}

/** Records the turn and sends the one request. */
async function create(
  context: Submitting,
  calls: readonly JudgeCall[],
  { last, baseline, permit, number, end }: Beginning,
): Promise<files.Outcome> {
  const { store, work, account, experiment, timing, now } = context;
  const at = now();
  const label = randomUUID();
  const usd = context.usdOf(estimateOf(calls));
  const turn: files.Turn = { work, submission: number, requests: calls.length, experiment, usd, at, label, baseline };
  if (!(await files.recordTurn(store, account, (last?.number ?? 0) + 1, turn))) {
    await end('later', 'another batch was first');
    throw new BatchWaits(Math.min(timing.lookMs, 1000), 'another batch of this account is being created');
  }
  if (now() - at > PROMPT_MS) return end('absent', 'this process stood still');

  const { client, hard } = context;
  const upload = client.upload === undefined ? null : await uploaded(context, calls, { permit, number, end });
  const left = Math.min(timing.createMs, timing.createMs - (now() - at));
  if (left < PROMPT_MS) {
    await end('absent', 'sending the requests took too long');
    throw new BatchWaits(timing.lookMs, 'sending the requests of a batch took too long', true);
  }
  try {
    const batch = await permit.send(() => client.create({ calls, label, upload }, { signal: hard, deadlineMs: left }));
    return await end('created', null, [batch.id]);
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    const { failure } = error;
    switch (certainty(failure)) {
      case 'refused':
        return end('refused', failure.message);
      case 'later':
        await end('later', failure.message);
        throw after(timing, 'creating a batch', failure);
      case 'not sent':
        await end('absent', failure.message);
        throw after(timing, 'creating a batch', failure);
      case 'unknown':
        return settle(context, turn);
    }
  }
}

/** What the provider calls the requests. Where that fails there is no batch, whatever the reason. */
async function uploaded(
  { client, store, work, timing, signal }: Submitting,
  calls: readonly JudgeCall[],
  { permit, number, end }: Pick<Beginning, 'permit' | 'number' | 'end'>,
): Promise<string> {
  try {
    const upload = await permit.send(() => client.upload!(calls, { signal, deadlineMs: timing.createMs }));
    await files.recordUpload(store, work, number, upload);
    return upload;
  } catch (error) {
    const failure = error instanceof RequestFailed ? error.failure : null;
    if (failure === null && !signal.aborted) throw error;
    await end(failure?.action === 'retry' ? 'absent' : 'later', (error as Error).message);
    throw failure === null ? error : after(timing, 'sending the requests of a batch', failure);
  }
}

/** What a failed creation says about the batch. 404: a server without batches, or a model that live judging will name. */
function certainty(failure: RequestFailure): 'refused' | 'later' | 'not sent' | 'unknown' {
  if (failure.action === 'item' || failure.kind === 'unknown_model') return 'refused';
  if (failure.action !== 'retry') return 'later';
  return failure.kind === 'network' && !failure.mayBePaid ? 'not sent' : 'unknown';
}

/** Some four bytes are a token; a reply is at most as long as it may be. */
function estimateOf(calls: readonly JudgeCall[]): Usage {
  return {
    requests: calls.length,
    inputTokens: Math.ceil(calls.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0) / 4),
    outputTokens: calls.reduce((sum, { maxTokens }) => sum + maxTokens, 0),
  };
}

/** What became of a turn; throws `BatchWaits` while that can not be told. */
export async function settle(context: Submitting, turn: files.Turn): Promise<files.Outcome> {
  const { store, timing, now } = context;
  const standing = await files.readOutcome(store, turn.work, turn.submission);
  if (standing !== null) return standing;
  // mostly somebody else's creation that is under way: looked at again soon
  const unknown = (until: number) =>
    new BatchWaits(
      Math.max(Math.min(until - now(), timing.lookMs / 3), 250),
      `whether a batch of ${turn.requests} requests was created is not known yet`,
    );
  if (now() < turn.at + timing.settleMs) throw unknown(turn.at + timing.settleMs);
  const upload = await files.readUpload(store, turn.work, turn.submission);
  const candidates = (await newerThan(context, turn.baseline)).filter((batch) => isOf(turn, upload, batch));
  const end = turn.at + timing.createMs + timing.settleMs;
  if (candidates.length === 0 && now() < end) throw unknown(Math.min(end, now() + timing.settleMs));
  return files.recordOutcome(store, turn.work, turn.submission, {
    how: candidates.length > 0 ? 'found' : 'absent',
    batches: candidates.map(({ id }) => id),
    reason: candidates.length > 0 ? null : 'no reply came, and no such batch is in the list',
    at: new Date(now()).toISOString(),
  });
}

function isOf({ label, requests }: files.Turn, upload: string | null, batch: BatchStatus): boolean {
  if (batch.marks === undefined) return batch.requests === requests;
  return batch.marks.some((mark) => mark === label || mark === upload);
}

async function look(
  context: Submitting,
  last: { turn: files.Turn } | null,
  settled: files.Outcome | null,
): Promise<files.Baseline> {
  const { batches } = await page(context, null);
  // a list may show the latest ones late: those that we know of are no news either
  const known = [...(settled?.batches ?? []), ...(last?.turn.baseline.ids ?? [])];
  const ids = [...new Set([...batches.map(({ id }) => id), ...known])].slice(0, MOST_KNOWN);
  return { newest: batches[0]?.createdAt ?? null, ids };
}

const MOST_KNOWN = 300;

/** Batches made since the baseline was taken. */
export async function newerThan(context: Submitting, { newest, ids }: files.Baseline): Promise<BatchStatus[]> {
  const known = new Set<string>(ids);
  const since = newest === null ? -Infinity : Date.parse(newest);
  const found: BatchStatus[] = [];
  for (let from: string | null = null; ;) {
    const { batches, next } = await page(context, from);
    found.push(...batches.filter(({ id, createdAt }) => !known.has(id) && Date.parse(createdAt) >= since));
    if (next === null || batches.some(({ createdAt }) => Date.parse(createdAt) < since)) return found;
    from = next;
  }
}

function page({ client, signal, timing }: Submitting, from: string | null): Promise<BatchPage> {
  return repeatable(timing, 'listing batches', () => client.list(from, { signal, deadlineMs: CALL_DEADLINE_MS }));
}
