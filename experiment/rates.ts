/** The rates that a provider limits, per minute. Pure, since workflow code uses it, too. */

export const RATES = ['requestsPerMinute', 'inputTokensPerMinute', 'outputTokensPerMinute'] as const;
export type Rate = (typeof RATES)[number];

/** Per minute; null = not known, or no limit. */
export type Rates = Record<Rate, number | null>;

/** In words, for people. */
export const RATE_WORDS: Readonly<Record<Rate, string>> = {
  requestsPerMinute: 'requests a minute',
  inputTokensPerMinute: 'input tokens a minute',
  outputTokensPerMinute: 'output tokens a minute',
};

export const NO_RATES: Rates = { requestsPerMinute: null, inputTokensPerMinute: null, outputTokensPerMinute: null };

/** The smaller of two bounds of which either may be unknown. */
export function tighter(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}
