/**
 * What is known of a shard's batches, as small files in the store that every attempt sees. Each is created whole or not
 * at all, once, and never changed, so no two processes can disagree about one.
 *
 * Shared by the shard's attempts, in the place `batches`:
 *   submission-N.json           the requests of one batch that is to be made
 *   submission-N.upload.json    what the provider calls its requests, where they are sent before the creation
 *   submission-N.created.json   which batch it became, by the reply to its creation
 *   submission-N.outcome.json   without a reply: which batch it became as far as anyone can tell, or none
 *   ended-BATCH.json            what its results left to do, written when all of them are in the journal
 *   cancel-BATCH.json           we asked for its cancellation
 * and for the account that all shards share, as work of the group `batches`, in the place `turns`:
 *   turn-N.json                 the intent to make a batch, recorded before the request is sent (submit.ts)
 */
import { sha256, type Sha256 } from '../../experiment/canonical';
import type { SmallFiles, Store, WorkKey } from '../../artifacts/store';
import { z } from 'zod';
import { readSmallFile } from '../../artifacts/documents';
import type { Usage } from '../../artifacts/journal';

export interface Submission {
  /** Sorted custom ids: the judgements that are asked for. */
  ids: Sha256[];
  /** The SHA-256 of `ids`, joined by newlines. */
  hash: Sha256;
  /** The activity that submits. */
  holder?: string | undefined;
  at: string;
}

export interface Outcome {
  /**
   * - `created`: the reply named the batch
   * - `found`: the reply was lost; these are all batches that it can be, usually one
   * - `absent`: there is no batch: the server was not reached, or the reply was lost and no batch appeared in time
   * - `later`: the server wants us to wait, or a person to act; there is no batch
   * - `refused`: the API does not take it, so the requests are left to live judging
   */
  how: 'created' | 'found' | 'absent' | 'later' | 'refused';
  batches: string[];
  /** Why there is no batch; null when there is one. */
  reason: string | null;
  at: string;
}

export interface Ended {
  /** Somebody else's batch, looked at because it could have been ours. */
  foreign: boolean;
  /** Left to live judging: refused for their own sake. */
  live: Sha256[];
  /** Unanswered by no fault of their own: to be put into another batch. */
  again: Sha256[];
  /** The provider's queue had no room for it: beside other batches, or although it was the only one. */
  queueFull?: 'shared' | 'alone' | undefined;
  /** What this shard's results have cost: one request for each verdict or unparsable reply. */
  usage: Usage;
  /** The activity that took them in. */
  holder: string;
  at: string;
}

export interface Turn {
  work: WorkKey;
  /** Number of the submission. */
  submission: number;
  requests: number;
  /** Who pays, and about how much, US dollars. */
  experiment: string;
  usd: number;
  /** When, by our clock, in milliseconds. */
  at: number;
  /** Put on the batch, where the API keeps that. */
  label?: string | undefined;
  /** What the account's list showed before: anything that is not in it is newer. */
  baseline: Baseline;
}

export interface Baseline {
  /** When the newest batch was created, by the server's clock; null when there was none. */
  newest: string | null;
  /** The first page, and our own latest, which a list may show late. */
  ids: string[];
}

/** A submission as it stands. */
export interface KnownSubmission extends Submission {
  work: WorkKey;
  number: number;
  outcome: Outcome | null;
}

const hash = z.string();
const SUBMISSION_SHAPE = z.looseObject({
  ids: z.array(hash),
  hash,
  holder: z.string().optional(),
  at: z.string(),
});
const OUTCOME_SHAPE = z.looseObject({
  how: z.enum(['created', 'found', 'absent', 'later', 'refused']),
  batches: z.array(z.string()),
  reason: z.string().nullable(),
  at: z.string(),
});
const USAGE_SHAPE = z.looseObject({ requests: z.number(), inputTokens: z.number(), outputTokens: z.number() });
const ENDED_SHAPE = z.looseObject({
  foreign: z.boolean(),
  live: z.array(hash),
  again: z.array(hash),
  queueFull: z.enum(['shared', 'alone']).optional(),
  usage: USAGE_SHAPE,
  holder: z.string(),
  at: z.string(),
});
const UPLOAD_SHAPE = z.looseObject({ upload: z.string() });
const TURN_SHAPE = z.looseObject({
  work: z.looseObject({ stage: z.string(), group: z.string().optional(), key: hash }),
  submission: z.int(),
  requests: z.number(),
  experiment: z.string(),
  usd: z.number(),
  at: z.number(),
  label: z.string().optional(),
  baseline: z.looseObject({ newest: z.string().nullable(), ids: z.array(z.string()) }),
});

function batchesOf(store: Store, work: WorkKey): SmallFiles {
  return store.shared(work, 'batches');
}

/** Submissions of this work and, since shards may have been cut anew, of others of its group that are still open. */
export async function submissionsOf(store: Store, work: WorkKey): Promise<KnownSubmission[]> {
  const others = (await store.openWork(work.stage, work.group as string)).filter(({ key }) => key !== work.key);
  const found: KnownSubmission[] = [];
  for (const each of [work, ...others]) {
    const files = batchesOf(store, each);
    for (const number of await numbersOf(files, SUBMISSION)) {
      const submission = await readSmallFile<Submission>(
        files,
        `submission-${number}.json`,
        SUBMISSION_SHAPE,
        'submission of a batch',
      );
      if (submission === null) continue;
      const outcome = await readOutcome(store, each, number);
      found.push({ ...submission, work: each, number, outcome });
    }
  }
  return found;
}

/** Null when another process took the number: it is about to submit, too. */
export async function recordSubmission(
  store: Store,
  work: WorkKey,
  { ids, holder }: Pick<Submission, 'ids' | 'holder'>,
  now: number,
): Promise<number | null> {
  const files = batchesOf(store, work);
  const number = ((await numbersOf(files, SUBMISSION)).at(-1) ?? 0) + 1;
  const submission: Submission = { ids, hash: sha256(ids.join('\n')), holder, at: new Date(now).toISOString() };
  return (await createJson(files, `submission-${number}.json`, submission)) ? number : null;
}

export async function readOutcome(store: Store, work: WorkKey, number: number): Promise<Outcome | null> {
  const files = batchesOf(store, work);
  const read = (kind: 'created' | 'outcome') =>
    readSmallFile<Outcome>(files, `submission-${number}.${kind}.json`, OUTCOME_SHAPE, 'outcome of a submission');
  return (await read('created')) ?? (await read('outcome'));
}

/** Returns what stands: a reply before what was guessed without one, else what was recorded first. */
export async function recordOutcome(store: Store, work: WorkKey, number: number, outcome: Outcome): Promise<Outcome> {
  const kind = outcome.how === 'created' ? 'created' : 'outcome';
  await createJson(batchesOf(store, work), `submission-${number}.${kind}.json`, outcome);
  return (await readOutcome(store, work, number)) as Outcome;
}

export async function recordUpload(store: Store, work: WorkKey, number: number, upload: string): Promise<void> {
  await createJson(batchesOf(store, work), `submission-${number}.upload.json`, { upload });
}

/** Null where none was recorded: then no batch was made of one. */
export async function readUpload(store: Store, work: WorkKey, number: number): Promise<string | null> {
  const name = `submission-${number}.upload.json`;
  const stored = await readSmallFile<{ upload: string }>(
    batchesOf(store, work),
    name,
    UPLOAD_SHAPE,
    'upload of a batch',
  );
  return stored?.upload ?? null;
}

export async function readEnded(store: Store, work: WorkKey, batch: string): Promise<Ended | null> {
  return readSmallFile(batchesOf(store, work), `ended-${fileName(batch)}.json`, ENDED_SHAPE, 'end of a batch');
}

export async function recordEnded(store: Store, work: WorkKey, batch: string, ended: Ended): Promise<void> {
  await createJson(batchesOf(store, work), `ended-${fileName(batch)}.json`, ended);
}

export async function recordCancel(store: Store, work: WorkKey, batch: string): Promise<void> {
  await createJson(batchesOf(store, work), `cancel-${fileName(batch)}.json`, {});
}

export async function wasCancelled(store: Store, work: WorkKey, batch: string): Promise<boolean> {
  return (await batchesOf(store, work).read(`cancel-${fileName(batch)}.json`)) !== null;
}

function turnsOf(store: Store, account: string): SmallFiles {
  return store.shared({ stage: 'judgements', group: 'batches', key: sha256(account) }, 'turns');
}

export async function latestTurn(store: Store, account: string): Promise<{ number: number; turn: Turn } | null> {
  const turns = turnsOf(store, account);
  const number = (await numbersOf(turns, TURN)).at(-1);
  if (number === undefined) return null;
  return { number, turn: await readTurn(turns, number) };
}

/** What batches of the experiment that are in flight will cost, about. A batch lives for a day at most. */
export async function usdInFlight(store: Store, account: string, experiment: string, now: number): Promise<number> {
  const turns = turnsOf(store, account);
  let usd = 0;
  for (const number of (await numbersOf(turns, TURN)).reverse()) {
    const turn = await readTurn(turns, number);
    if (now - turn.at > 25 * 3_600_000) break;
    if (turn.experiment === experiment && (await isInFlight(store, turn))) usd += turn.usd;
  }
  return usd;
}

async function isInFlight(store: Store, { work, submission }: Turn): Promise<boolean> {
  const outcome = await readOutcome(store, work, submission);
  if (outcome === null) return true;
  const ended = await Promise.all(outcome.batches.map((batch) => readEnded(store, work, batch)));
  return outcome.batches.length > 0 && ended.every((each) => each === null || each.foreign);
}

/** False when another process took this turn: only one may create at a time. */
export async function recordTurn(store: Store, account: string, number: number, turn: Turn): Promise<boolean> {
  return createJson(turnsOf(store, account), `turn-${number}.json`, turn);
}

/** A provider names batches; only such names become files. */
function fileName(batch: string): string {
  return /^[\w-]{1,128}$/.test(batch) ? batch : sha256(batch);
}

const SUBMISSION = /^submission-(\d+)\.json$/;
const TURN = /^turn-(\d+)\.json$/;

async function numbersOf(files: SmallFiles, pattern: RegExp): Promise<number[]> {
  const names = await files.list();
  const numbers = names.map((name) => pattern.exec(name)?.[1]).filter((number) => number !== undefined);
  return numbers.map(Number).sort((a, b) => a - b);
}

async function readTurn(turns: SmallFiles, number: number): Promise<Turn> {
  return (await readSmallFile<Turn>(turns, `turn-${number}.json`, TURN_SHAPE, 'turn of an account')) as Turn;
}

/** False when it stood already. */
function createJson(files: SmallFiles, name: string, value: unknown): Promise<boolean> {
  return files.create(name, JSON.stringify(value) + '\n');
}
