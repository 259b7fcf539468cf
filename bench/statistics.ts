/**
 * Medians and ranges over repeats. A ratio is taken within each repeat, then its median: what slows the machine for a
 * while slows both sides of a repeat.
 */

export interface Summary {
  median: number;
  least: number;
  most: number;
  runs: number;
}

/** Throws a `RangeError` without values. */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('nothing was measured');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
  return { median, least: sorted[0] as number, most: sorted.at(-1) as number, runs: sorted.length };
}

/** `ours[i] / theirs[i]` for each repeat. Throws a `RangeError` when they are not of the same repeats. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  if (ours.length !== theirs.length) throw new RangeError(`${ours.length} runs against ${theirs.length}`);
  return ours.map((value, repeat) => value / (theirs[repeat] as number));
}
