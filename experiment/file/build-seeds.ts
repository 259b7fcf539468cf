/**
 * Seeds of a recipe, each of which counts once.
 */
import type { Issue } from '../issue';
import { repeatedSeeds } from '../seed-groups';
import type { ConfigurationSpec } from '../spec';
import { writtenName } from '../written-name';

/** A seed with two numbers of answers would be two cells of the same answers, of which the recipe counts both. */
export function checkSeeds(configurations: readonly ConfigurationSpec[], issues: Issue[]): void {
  const told = new Set<string>();
  for (const { earlier, again } of repeatedSeeds(configurations)) {
    const place = writtenName(again.samples === undefined ? earlier : again);
    if (told.has(place)) continue; // another point of its grid
    told.add(place);
    issues.push({
      path: ['configurations', place, 'samples'],
      message: `\`${earlier.name}\` and \`${again.name}\` are one seed of a recipe: the answers of the one are among those of the other, and would count twice`,
      hint: 'keep the one with more answers, or give one of them another seed',
    });
  }
}
