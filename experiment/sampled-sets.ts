/**
 * Question sets that are answered: of one with `samples: 0` only the probability of answers is measured.
 */

/** `set`: as the file or the spec has it; undefined for questions that come from elsewhere, with answers. */
export function isSampled(set: { samples: number } | undefined): boolean {
  return set?.samples !== 0;
}

export function sampledSets<Set extends { samples: number }>(sets: Readonly<Record<string, Set>>): Record<string, Set> {
  return Object.fromEntries(Object.entries(sets).filter(([, set]) => isSampled(set)));
}
