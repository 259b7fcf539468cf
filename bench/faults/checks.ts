/** What must hold of a round, as functions of what was found of it. */

/** One paid request, as the judge's own ledger has it. */
export interface Paid {
  judgement: string | null;
}

/** Names of files that only one of the two has, or that have other bytes. Both: SHA-256 by path. */
export function differences(reference: Record<string, string>, found: Record<string, string>): string[] {
  const names = new Set([...Object.keys(reference), ...Object.keys(found)]);
  return [...names].sort().flatMap((name) => {
    if (found[name] === undefined) return [`${name}: missing`];
    if (reference[name] === undefined) return [`${name}: not in the undisturbed run`];
    return found[name] === reference[name] ? [] : [`${name}: other bytes`];
  });
}

export interface Judged {
  /** Judgements that the undisturbed run asked for, and this one never did. */
  lost: number;
  /** Judgements that only this run asked for. */
  strange: number;
  /** Requests beyond the first for the same judgement. */
  paidTwice: number;
}

/** `reference`: judgements that the undisturbed run paid for. */
export function judged(reference: readonly Paid[], found: readonly Paid[]): Judged {
  const wanted = new Set(reference.flatMap(({ judgement }) => judgement ?? []));
  const asked = found.flatMap(({ judgement }) => judgement ?? []);
  const distinct = new Set(asked);
  return {
    lost: [...wanted].filter((id) => !distinct.has(id)).length,
    strange: [...distinct].filter((id) => !wanted.has(id)).length,
    paidTwice: asked.length - distinct.size,
  };
}

/** Ids that occur more than once. */
export function doubled(ids: readonly string[]): string[] {
  const seen = new Set<string>();
  return [...new Set(ids.filter((id) => seen.size === seen.add(id).size))].sort();
}

/** Steps that attempts at a fine-tune did once more, in the order in which the attempts began. */
export function stepsRedone(attempts: readonly { reachedBefore: number; first: number }[]): number[] {
  return attempts.map(({ reachedBefore, first }) => Math.max(0, reachedBefore - first + 1));
}
