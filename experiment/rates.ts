/** The rates that a provider limits, per minute. Pure, since workflow code uses it, too. */

export const RATES = ['requestsPerMinute', 'inputTokensPerMinute', 'outputTokensPerMinute'] as const;
export type Rate = (typeof RATES)[number];

/** Per minute; null = not known, or no limit. */
export type Rates = Record<Rate, number | null>;

export const NO_RATES: Rates = { requestsPerMinute: null, inputTokensPerMinute: null, outputTokensPerMinute: null };

/** The smaller of two bounds of which either may be unknown. */
export function tighter(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}
