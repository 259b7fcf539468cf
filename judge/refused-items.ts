/**
 * Items that the API refused with 400: is it the item's own text, or the settings of every request?
 *
 * A `failed` row is for ever, so it is written only when a request of the same instrument, sent after the refusal, was
 * answered. Three refusals that say the same without such an answer call for a control request. A spending limit
 * that arrives as a plain 400 in the middle of a run is caught by the same rule, without reading its words.
 */
import type { Sha256 } from '../experiment/canonical';
import type { JudgementRequest } from '../experiment/rows';

export interface Doubt {
  request: JudgementRequest;
  /** The whole message; equal ones are "the same bad request". */
  message: string;
  /** How many requests had been sent when it was refused. */
  sentBefore: number;
}

const SAME_BEFORE_CONTROL = 3;

export class Doubts {
  private readonly open = new Map<Sha256, Doubt[]>();

  /** Returns whether it is time for a control request. */
  add(doubt: Doubt): boolean {
    const key = doubt.request.instrument;
    const doubts = [...(this.open.get(key) ?? []), doubt];
    this.open.set(key, doubts);
    return doubts.filter(({ message }) => message === doubt.message).length === SAME_BEFORE_CONTROL;
  }

  /** Takes out the doubts that the answer to request `number` (from 1) settles: those older than that request. */
  settle(instrument: Sha256, number: number): Doubt[] {
    const doubts = this.open.get(instrument) ?? [];
    const settled = doubts.filter(({ sentBefore }) => sentBefore < number);
    this.open.set(
      instrument,
      doubts.filter(({ sentBefore }) => sentBefore >= number),
    );
    return settled;
  }

  /** Instruments with open doubts. */
  instruments(): Sha256[] {
    return [...this.open].filter(([, doubts]) => doubts.length > 0).map(([key]) => key);
  }
}
