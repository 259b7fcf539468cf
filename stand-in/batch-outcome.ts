/** What becomes of one item of a batch. Decided by its custom_id, its text and the batch's times alone. */
import { type Sha256, sha256 } from '../experiment/canonical';
import { timesOf } from './batch-options';
import type { BatchItem, BatchRecord } from './batch-store';
import { Refused } from './http-exchange';
import { type ApiErrorKind, type FaultScript, isApiError } from './faults';
import type { Models } from './models';
import type { Asked } from './params';
import { replyTo, textsOf } from './reply';
import { fractionOf } from './seeded';
import type { Render } from './verdict-endpoint';

export type ItemResult =
  | { type: 'succeeded'; message: unknown }
  /** `message`: absent = the kind's own words. */
  | { type: 'errored'; kind: ApiErrorKind; message: string | undefined }
  | { type: 'canceled' }
  | { type: 'expired' };

/** How an API has the items of a batch. */
export interface ItemFormat {
  /** What an item asks. Throws `Refused`. */
  read: (params: unknown, batch: BatchRecord, models: Models) => Asked;
  render: Render;
  /** One line of the results. */
  line: (customId: string, result: ItemResult) => string;
}

export interface Outcome {
  type: ItemResult['type'];
  /** One line of the results. */
  line: string;
  /** SHA-256 of `params` as JSON, when paid; else null. */
  paid: Sha256 | null;
  /** It would go well in another batch. */
  passing: boolean;
}

export interface OutcomeContext {
  format: ItemFormat;
  batch: BatchRecord;
  seed: number;
  faults: FaultScript;
  models: Models;
  /** A batch before this one gave the item a passing error. */
  hadTrouble: (customId: string) => boolean;
}

export function outcomeOf(item: BatchItem, context: OutcomeContext): Outcome {
  const { batch, seed, models, faults, format } = context;
  const { custom_id: id, params } = item;
  const end = (result: ItemResult, passing: boolean, paid: Sha256 | null = null): Outcome => {
    return { type: result.type, line: format.line(id, result), paid, passing };
  };
  const errored = (kind: ApiErrorKind, message: string | undefined, passing: boolean): Outcome => {
    return end({ type: 'errored', kind, message }, passing);
  };
  const { processingMs, expiresMs } = timesOf(batch.options);
  const finishedAt = batch.createdAt + fractionOf(`time ${id}`, seed) * processingMs;
  const expired = finishedAt > batch.createdAt + expiresMs;
  if (batch.cancelAt !== null && finishedAt > batch.cancelAt) return end({ type: 'canceled' }, true);
  if (expired) return end({ type: 'expired' }, true);
  const { invalidShare = 0, apiErrorShare = 0, expiredShare = 0, sticky = false } = batch.options;
  const draw = fractionOf(`outcome ${id}`, seed);
  if (draw < invalidShare) return errored('bad_request', 'scripted: this item is invalid', false);
  if (draw < invalidShare + apiErrorShare + expiredShare && (sticky || !context.hadTrouble(id))) {
    return draw < invalidShare + apiErrorShare
      ? errored('server_error', 'scripted: internal error', true)
      : end({ type: 'expired' }, true);
  }
  try {
    const asked = format.read(params, batch, models);
    const { parts, whole, judged } = textsOf(asked);
    const fault = faults.standing(whole, judged);
    if (fault !== null && isApiError(fault.kind)) return errored(fault.kind, fault.message, false);
    const paid = sha256(JSON.stringify(params));
    const message = format.render(asked, replyTo(asked, parts, fault?.kind ?? null), paid);
    return end({ type: 'succeeded', message }, false, paid);
  } catch (error) {
    if (error instanceof Refused) return errored(error.kind, error.message, false);
    throw error;
  }
}

/** The order in which the results of a batch come: arbitrary, and the same each time. */
export function inResultOrder<T extends { custom_id: string }>(items: readonly T[], seed: number): T[] {
  const keyed = items.map((item) => ({ item, key: fractionOf(`order ${item.custom_id}`, seed) }));
  return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item);
}
