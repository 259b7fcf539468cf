/**
 * What many rows of provenance say, summed up: the different values, and the first and last time.
 */

/** Each value once, sorted. */
export function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

/** Times are ISO 8601; null without any. */
export function span(times: readonly string[]): { from: string | null; to: string | null } {
  const sorted = [...times].sort();
  return { from: sorted[0] ?? null, to: sorted.at(-1) ?? null };
}
