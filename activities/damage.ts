/**
 * Stored files that are not what they should be, and references that lead to none: told to Temporal as failures that no
 * retry mends, whatever activity meets them.
 */
import { InvalidReference } from '../artifacts/reference';
import { ArtifactDamaged } from '../artifacts/store';
import { failure, FAILURES } from '../workflows/failures';

/** The same activities; `DamagedArtifact` and `InvalidInput` take the place of the store's own errors. */
export function refusingDamage<Activities extends object>(activities: Activities): Activities {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...input: unknown[]): Promise<unknown> => {
      try {
        return await (activity as (...input: unknown[]) => Promise<unknown>)(...input);
      } catch (error) {
        if (error instanceof ArtifactDamaged) throw failure(FAILURES.DamagedArtifact, error.message);
        if (error instanceof InvalidReference) throw failure(FAILURES.InvalidInput, error.message);
        throw error;
      }
    },
  ]);
  return Object.fromEntries(wrapped) as Activities;
}
