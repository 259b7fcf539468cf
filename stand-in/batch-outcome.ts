/** What becomes of one item of a batch. Decided by its custom_id, its text and the batch's times alone. */
import { type Sha256, sha256 } from '../experiment/canonical';
import { timesOf } from './batch-options';
import type { BatchItem, BatchRecord } from './batch-store';
import { Refused } from './http-exchange';
import { API_ERRORS, type ApiErrorKind, type FaultScript, isApiError } from './faults';
import type { Models } from './models';
import { readMessage } from './params';
import { messageOf, replyTo, textsOf } from './reply';
import { fractionOf } from './seeded';

export type ResultType = 'succeeded' | 'errored' | 'canceled' | 'expired';

export interface Outcome {
  type: ResultType;
  /** One line of the results. */
  line: string;
  /** SHA-256 of `params` as JSON, when paid; else null. */
  paid: Sha256 | null;
  /** It would go well in another batch. */
  passing: boolean;
}

export interface OutcomeContext {
  batch: BatchRecord;
  seed: number;
  faults: FaultScript;
  models: Models;
  /** A batch before this one gave the item a passing error. */
  hadTrouble: (customId: string) => boolean;
}

export function outcomeOf(item: BatchItem, context: OutcomeContext): Outcome {
  const { batch, seed, models, faults } = context;
  const { custom_id: id, params } = item;
  const { processingMs, expiresMs } = timesOf(batch.options);
  const finishedAt = batch.createdAt + fractionOf(`time ${id}`, seed) * processingMs;
  const expired = finishedAt > batch.createdAt + expiresMs;
  if (batch.cancelAt !== null && finishedAt > batch.cancelAt) return result(id, 'canceled', {}, true);
  if (expired) return result(id, 'expired', {}, true);
  const { invalidShare = 0, apiErrorShare = 0, expiredShare = 0, sticky = false } = batch.options;
  const draw = fractionOf(`outcome ${id}`, seed);
  if (draw < invalidShare) return errored(id, 'bad_request', 'scripted: this item is invalid', false);
  if (draw < invalidShare + apiErrorShare + expiredShare && (sticky || !context.hadTrouble(id))) {
    return draw < invalidShare + apiErrorShare
      ? errored(id, 'server_error', 'scripted: internal error', true)
      : result(id, 'expired', {}, true);
  }
  try {
    const asked = readMessage(params, batch.version ?? undefined, models);
    const { parts, whole, judged } = textsOf(asked);
    const fault = faults.standing(whole, judged);
    if (fault !== null && isApiError(fault.kind)) return errored(id, fault.kind, fault.message, false);
    const paid = sha256(JSON.stringify(params));
    const message = messageOf(asked, replyTo(asked, parts, fault?.kind ?? null), paid);
    return { ...result(id, 'succeeded', { message }, false), paid };
  } catch (error) {
    if (error instanceof Refused) return errored(id, error.kind, error.message, false);
    throw error;
  }
}

/** The order in which the results of a batch come: arbitrary, and the same each time. */
export function inResultOrder<T extends { custom_id: string }>(items: readonly T[], seed: number): T[] {
  const keyed = items.map((item) => ({ item, key: fractionOf(`order ${item.custom_id}`, seed) }));
  return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item);
}

function result(customId: string, type: ResultType, more: object, passing: boolean): Outcome {
  return { type, line: JSON.stringify({ custom_id: customId, result: { type, ...more } }), paid: null, passing };
}

function errored(customId: string, kind: ApiErrorKind, message: string | undefined, passing: boolean): Outcome {
  const known = API_ERRORS[kind];
  const error = { type: known.type, message: message ?? known.message };
  return result(customId, 'errored', { error: { type: 'error', error, request_id: null } }, passing);
}
