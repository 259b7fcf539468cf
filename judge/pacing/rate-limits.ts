/**
 * What a server says about its rate limits: the `anthropic-ratelimit-*` headers of a reply or of a 429.
 */
import { NO_RATES, RATES, type Rate, type Rates } from '../../experiment/rates';

export interface RateLimits {
  limits: Rates;
  /** One of the limits has nothing left; null when no header tells. */
  exhausted: boolean | null;
}

const HEADERS: Record<Rate, string> = {
  requestsPerMinute: 'anthropic-ratelimit-requests',
  inputTokensPerMinute: 'anthropic-ratelimit-input-tokens',
  outputTokensPerMinute: 'anthropic-ratelimit-output-tokens',
};

export function readRateLimits(headers: Pick<Headers, 'get'>): RateLimits {
  const limits: Rates = { ...NO_RATES };
  let exhausted: boolean | null = null;
  for (const rate of RATES) {
    limits[rate] = number(headers.get(`${HEADERS[rate]}-limit`));
    const remaining = number(headers.get(`${HEADERS[rate]}-remaining`));
    if (remaining !== null) exhausted = exhausted === true || remaining <= 0;
  }
  return { limits, exhausted };
}

function number(text: string | null): number | null {
  if (text === null || !/^\d+$/.test(text)) return null;
  return Number(text);
}
