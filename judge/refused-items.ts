/**
 * Items that the API refused with 400: is it the item's own text, or the settings of every request?
 *
 * A `failed` row is for ever, so it is written only when a request of the same instrument, sent after the refusal, was
 * answered. Three refusals that say the same without such an answer call for a control request. A spending limit
 * that arrives as a plain 400 in the middle of a run is caught by the same rule, without reading its words.
 */
import type { Sha256 } from '../experiment/canonical';
import type { JudgementRequest } from '../experiment/rows';

export interface RefusedItem {
  request: JudgementRequest;
  /** The whole message; equal ones are "the same bad request". */
  message: string;
  /** How many requests had been sent when it was refused. */
  sentBefore: number;
}

const SAME_BEFORE_CONTROL = 3;

export class RefusedItems {
  private readonly open = new Map<Sha256, RefusedItem[]>();

  /** Returns whether it is time for a control request. */
  add(item: RefusedItem): boolean {
    const key = item.request.instrument;
    const items = [...(this.open.get(key) ?? []), item];
    this.open.set(key, items);
    return items.filter(({ message }) => message === item.message).length === SAME_BEFORE_CONTROL;
  }

  /** Takes out the items that the answer to request `number` (from 1) decides: those refused before it was sent. */
  settle(instrument: Sha256, number: number): RefusedItem[] {
    const items = this.open.get(instrument) ?? [];
    const settled = items.filter(({ sentBefore }) => sentBefore < number);
    this.open.set(
      instrument,
      items.filter(({ sentBefore }) => sentBefore >= number),
    );
    return settled;
  }

  /** Instruments with items that are not decided yet. */
  instruments(): Sha256[] {
    return [...this.open].filter(([, items]) => items.length > 0).map(([key]) => key);
  }
}
