/**
 * When an experiment takes a request: in turn, and not while it is closing.
 */
import type { ApplicationFailure } from '@temporalio/common';
import { failure, FAILURES } from './failures';
import type { ExperimentRequest } from './messages';

/** Runs pieces of work one after the other, in the order in which they came. One that fails does not stop the next. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.last.then(work);
    this.last = mine.catch(() => undefined);
    return mine;
  }
}

/** Refuses an update that could not be carried out, before it is in the history. */
export function requireAppliable(asked: ExperimentRequest | undefined, closing: boolean): void {
  if (closing) throw closingFailure();
  const { file, yaml, plan } = asked ?? {};
  if (file === undefined && yaml === undefined && plan === undefined)
    throw failure(FAILURES.InvalidInput, 'expected a request with one of file, yaml and plan (`flamingo plan --json`)');
}

export function closingFailure(): ApplicationFailure {
  return failure(FAILURES.Closing, 'the experiment was cancelled and is still closing: apply it again when it has');
}
