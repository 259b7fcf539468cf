/**
 * What is known of a shard's batches, as files in the store that every attempt sees. Each is created whole or not at
 * all, once, and never changed, so no two processes can disagree about one.
 *
 * Beside the shard's attempts, in `attempts/batches/`:
 *   submission-N.json           the requests of one batch that is to be made
 *   submission-N.created.json   which batch it became, by the reply to its creation
 *   submission-N.outcome.json   without a reply: which batch it became as far as anyone can tell, or none
 *   ended-BATCH.json            what its results left to do, written when all of them are in the journal
 *   cancel-BATCH.json           we asked for its cancellation
 * and for the account that all shards share, in `judgements/batches/ACCOUNT/attempts/turns/`:
 *   turn-N.json                 the intent to make a batch, recorded before the request is sent (submit.ts)
 */
import { randomUUID } from 'node:crypto';
import { link, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256, type Sha256 } from '../../experiment/canonical';
import type { Store, WorkKey } from '../../artifacts/store';
import type { Usage } from '../../artifacts/journal';

export interface Submission {
  /** Sorted custom ids: the judgements that are asked for. */
  ids: Sha256[];
  /** The SHA-256 of `ids`. */
  hash: Sha256;
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

export async function batchFolder(store: Store, work: WorkKey): Promise<string> {
  return store.attemptFolder(work, 'batches');
}

/** Submissions of this work and, since shards may have been cut anew, of others of its group that are still open. */
export async function submissionsOf(store: Store, work: WorkKey): Promise<KnownSubmission[]> {
  const others = (await store.open(work.stage, work.group as string)).filter(({ key }) => key !== work.key);
  const found: KnownSubmission[] = [];
  for (const each of [work, ...others]) {
    const folder = (await store.attemptFolders(each)).find((path) => path.endsWith('/batches'));
    if (folder === undefined) continue;
    for (const number of await numbersOf(folder, SUBMISSION)) {
      const submission = await readJson<Submission>(join(folder, `submission-${number}.json`));
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
  ids: Sha256[],
  now: number,
): Promise<number | null> {
  const folder = await batchFolder(store, work);
  const number = ((await numbersOf(folder, SUBMISSION)).at(-1) ?? 0) + 1;
  const submission: Submission = { ids, hash: sha256(ids.join('\n')), at: new Date(now).toISOString() };
  return (await createOnce(join(folder, `submission-${number}.json`), submission)) ? number : null;
}

export async function readOutcome(store: Store, work: WorkKey, number: number): Promise<Outcome | null> {
  const path = join(await batchFolder(store, work), `submission-${number}`);
  return (await readJson<Outcome>(`${path}.created.json`)) ?? (await readJson<Outcome>(`${path}.outcome.json`));
}

/** Returns what stands: a reply before what was guessed without one, else what was recorded first. */
export async function recordOutcome(store: Store, work: WorkKey, number: number, outcome: Outcome): Promise<Outcome> {
  const kind = outcome.how === 'created' ? 'created' : 'outcome';
  await createOnce(join(await batchFolder(store, work), `submission-${number}.${kind}.json`), outcome);
  return (await readOutcome(store, work, number)) as Outcome;
}

export async function readEnded(store: Store, work: WorkKey, batch: string): Promise<Ended | null> {
  return readJson<Ended>(join(await batchFolder(store, work), `ended-${fileName(batch)}.json`));
}

export async function recordEnded(store: Store, work: WorkKey, batch: string, ended: Ended): Promise<void> {
  await createOnce(join(await batchFolder(store, work), `ended-${fileName(batch)}.json`), ended);
}

export async function recordCancel(store: Store, work: WorkKey, batch: string): Promise<void> {
  await createOnce(join(await batchFolder(store, work), `cancel-${fileName(batch)}.json`), {});
}

export async function wasCancelled(store: Store, work: WorkKey, batch: string): Promise<boolean> {
  return (await readJson(join(await batchFolder(store, work), `cancel-${fileName(batch)}.json`))) !== null;
}

async function turnFolder(store: Store, account: string): Promise<string> {
  return store.attemptFolder({ stage: 'judgements', group: 'batches', key: sha256(account) }, 'turns');
}

export async function latestTurn(store: Store, account: string): Promise<{ number: number; turn: Turn } | null> {
  const folder = await turnFolder(store, account);
  const number = (await numbersOf(folder, TURN)).at(-1);
  if (number === undefined) return null;
  return { number, turn: (await readJson<Turn>(join(folder, `turn-${number}.json`))) as Turn };
}

/** What batches of the experiment that are in flight will cost, about. A batch lives for a day at most. */
export async function usdInFlight(store: Store, account: string, experiment: string, now: number): Promise<number> {
  const folder = await turnFolder(store, account);
  let usd = 0;
  for (const number of (await numbersOf(folder, TURN)).reverse()) {
    const turn = (await readJson<Turn>(join(folder, `turn-${number}.json`))) as Turn;
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
  return createOnce(join(await turnFolder(store, account), `turn-${number}.json`), turn);
}

/** A provider names batches; only such names become files. */
function fileName(batch: string): string {
  return /^[\w-]{1,128}$/.test(batch) ? batch : sha256(batch);
}

const SUBMISSION = /^submission-(\d+)\.json$/;
const TURN = /^turn-(\d+)\.json$/;

async function numbersOf(folder: string, pattern: RegExp): Promise<number[]> {
  const names = await readdir(folder);
  const numbers = names.map((name) => pattern.exec(name)?.[1]).filter((number) => number !== undefined);
  return numbers.map(Number).sort((a, b) => a - b);
}

async function readJson<T = unknown>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Creates the file whole and flushed, or not at all; false when it stood already. */
async function createOnce(path: string, value: unknown): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}`;
  const file = await open(temporary, 'wx');
  try {
    await file.writeFile(JSON.stringify(value) + '\n');
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(temporary, { force: true });
  }
}
