/**
 * Requests that only a worker can answer (updates, queries), tried again while the worker is frozen, overloaded or just
 * starting: the server refuses them then, with an error that says nothing about the request itself.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, isGrpcServiceError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import pc from './paint';
import { InvalidUse } from './errors';
import { missingElsewhere } from './needed-workers';
import { say } from './output';

/** A machine that is busy compiling or swapping comes back; a workflow that can not run for so long needs a person. */
const PATIENCE_MS = 10 * 60_000;
const PAUSE_MS = 1_000;

/** Deadline exceeded, resource exhausted, failed precondition (the workflow's task was not answered), aborted, unavailable. */
const NOT_NOW: ReadonlySet<number> = new Set([4, 8, 9, 10, 14]);

export interface Patience {
  /** False when nobody is left who could answer. */
  alive?: () => boolean;
  patienceMs?: number;
  pauseMs?: number;
  /** Which worker is missing and how it is started; null: none that this command knows of. */
  missing?: () => Promise<string | null>;
}

/**
 * `send` is given the update's id, the same each time, so that one that arrived after all is not done twice. Says once that
 * it waits. Throws what `send` throws when that says something about the request, and `InvalidUse` when nobody answers in time.
 */
export async function patiently<T>(send: (updateId: string) => Promise<T>, patience: Patience = {}): Promise<T> {
  const { alive = () => true, patienceMs = PATIENCE_MS, pauseMs = PAUSE_MS, missing = async () => null } = patience;
  const id = randomUUID();
  const until = Date.now() + patienceMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(id);
    } catch (error) {
      const reason = whyNotNow(error);
      if (reason === null || !alive()) throw error;
      if (Date.now() > until) {
        const who = await missing();
        throw new InvalidUse(
          `no orchestration worker has taken the request within ${spoken(patienceMs)}: ${reason}\n` +
            (who === null ? '' : `${who}\n`) +
            'Nothing is lost. Look at `flamingo doctor` and the orchestration worker’s log, then give the command again.',
        );
      }
      if (attempt === 1) {
        const who = (await missing()) ?? 'The orchestration worker is busy or not there yet';
        say(pc.yellow(`${who}; the request is tried again for ${spoken(patienceMs)}.`));
      }
      await sleep(pauseMs);
    }
  }
}

/** What a person looks at: somebody waits for the answer, and nothing is lost by asking again later. */
const STATE_MS = 30_000;

/** Asks a workflow for its state, `STATE_MS` long at most. Throws as `patiently` does. */
export function askForState<T>(client: Client, ask: () => Promise<T>, patienceMs = STATE_MS): Promise<T> {
  // the server holds a query that no worker answers
  const until = Date.now() + patienceMs;
  return patiently(() => client.withDeadline(until, ask), {
    patienceMs: patienceMs - PAUSE_MS,
    missing: () => missingElsewhere(client),
  });
}

function spoken(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} seconds` : `${Math.round(ms / 60_000)} minutes`;
}

/** The server's words when the request may succeed later, else null. */
function whyNotNow(error: unknown): string | null {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return error.message;
  for (let each = error; each instanceof Error; each = each.cause) {
    if (isGrpcServiceError(each)) {
      // of a cluster's hosts one may not have read yet what `cluster init` has just added
      if (/no mapping defined for search attribute/.test(each.details)) return each.details;
      // the server's word for an error of its own, as when a workflow is deleted under a request
      if (/something went wrong, please retry/.test(each.details)) return each.details;
      const hopeless = /larger than max/.test(each.details); // a request that is too large is `resource exhausted`, too
      return NOT_NOW.has(Number(each.code)) && !hopeless ? each.details : null;
    }
  }
  return null;
}
