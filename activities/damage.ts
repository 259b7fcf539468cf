/**
 * What is wrong with the store, told to Temporal in the same words whatever activity meets it: stored files that are not what
 * they should be and references that lead to none, which no retry mends, and a store that is full or away, which
 * waiting does.
 */
import { InvalidReference } from '../artifacts/reference';
import { JournalUnwritable } from '../artifacts/journal';
import { ArtifactDamaged, LogUnwritable } from '../artifacts/store';
import { unavailable } from '../artifacts/unavailable';
import { failure, FAILURES } from '../workflows/failures';

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
        if (error instanceof JournalUnwritable || error instanceof LogUnwritable || unavailable(error) !== null)
          throw failure(FAILURES.StoreUnavailable, (error as Error).message);
        throw error;
      }
    },
  ]);
  return Object.fromEntries(wrapped) as Activities;
}
