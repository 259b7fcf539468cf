/**
 * What is wrong with the store, told to Temporal in the same words whatever activity meets it: stored files that are not what
 * they should be and references that lead to none, which no retry mends, and a store that is full or away, which
 * waiting does. An activity that was told to stop ends as stopped: it is not tried again, so trouble of the store would fail its work.
 */
import { Context } from '@temporalio/activity';
import { InvalidReference } from '../artifacts/reference';
import { JournalUnwritable } from '../artifacts/journal';
import { ArtifactDamaged, LogUnwritable } from '../artifacts/store';
import { unavailable } from '../artifacts/unavailable';
import { failure, FAILURES, isFailure } from '../workflows/failures';
import { interruption } from './interruption';

/** The same activities; `DamagedArtifact`, `InvalidInput` and `StoreUnavailable` take the place of the store's own errors. */
export function refusingDamage<Activities extends object>(activities: Activities): Activities {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...input: unknown[]): Promise<unknown> => {
      try {
        return await (activity as (...input: unknown[]) => Promise<unknown>)(...input);
      } catch (error) {
        if (error instanceof ArtifactDamaged) throw failure(FAILURES.DamagedArtifact, error.message);
        if (error instanceof InvalidReference) throw failure(FAILURES.InvalidInput, error.message);
        if (!isTrouble(error)) throw error;
        const context = Context.current();
        if (context.cancellationSignal.aborted) throw await interruption(context);
        throw isFailure(error, FAILURES.StoreUnavailable)
          ? error
          : failure(FAILURES.StoreUnavailable, (error as Error).message);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as Activities;
}

/** Of the store, which waiting mends; the trainer's words about it are such a failure already. */
function isTrouble(error: unknown): boolean {
  return (
    error instanceof JournalUnwritable ||
    error instanceof LogUnwritable ||
    isFailure(error, FAILURES.StoreUnavailable) ||
    unavailable(error) !== null
  );
}
