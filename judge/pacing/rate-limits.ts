/**
 * What a server says about its rate limits: the `anthropic-ratelimit-*` headers of a reply or of a 429, or the
 * `x-ratelimit-*` headers of OpenAI's API.
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
  return readOpenAiLimits(headers) ?? readAnthropicLimits(headers);
}

function readAnthropicLimits(headers: Pick<Headers, 'get'>): RateLimits {
  const limits: Rates = { ...NO_RATES };
  let exhausted: boolean | null = null;
  for (const rate of RATES) {
    limits[rate] = number(headers.get(`${HEADERS[rate]}-limit`));
    const remaining = number(headers.get(`${HEADERS[rate]}-remaining`));
    if (remaining !== null) exhausted = exhausted === true || remaining <= 0;
  }
  return { limits, exhausted };
}

/** Tokens are limited together there, and a judge's are almost all of the input. */
const OPENAI_HEADERS = { requestsPerMinute: 'requests', inputTokensPerMinute: 'tokens' } as const;
/** A limit whose window is longer than this is one of a day, and says nothing about a minute. */
const LONGEST_WINDOW_MS = 5 * 60_000;

/** Null when there are no such headers. */
function readOpenAiLimits(headers: Pick<Headers, 'get'>): RateLimits | null {
  const limits: Rates = { ...NO_RATES };
  let exhausted: boolean | null = null;
  for (const [rate, name] of Object.entries(OPENAI_HEADERS) as [keyof typeof OPENAI_HEADERS, string][]) {
    const limit = number(headers.get(`x-ratelimit-limit-${name}`));
    const remaining = number(headers.get(`x-ratelimit-remaining-${name}`));
    if (remaining !== null) exhausted = exhausted === true || remaining <= 0;
    const resetMs = resetOf(headers, name);
    const used = limit === null || remaining === null ? 0 : limit - remaining;
    // the bucket fills evenly: what was used of it comes back in this part of its window
    const windowMs = resetMs === null || used <= 0 ? 0 : (resetMs * (limit ?? 0)) / used;
    limits[rate] = windowMs > LONGEST_WINDOW_MS ? null : limit;
  }
  return exhausted === null && limits.requestsPerMinute === null && limits.inputTokensPerMinute === null
    ? null
    : { limits, exhausted };
}

/** The bucket fills evenly, so a part of it is there long before the whole. */
const LONGEST_RESET_MS = 60_000;

/** Milliseconds to wait for a limit of OpenAI's that has nothing left; null where none is used up. */
export function openAiResetMs(headers: Pick<Headers, 'get'>): number | null {
  const resets = Object.values(OPENAI_HEADERS).flatMap((name) => {
    const remaining = number(headers.get(`x-ratelimit-remaining-${name}`));
    return remaining === 0 ? (resetOf(headers, name) ?? []) : [];
  });
  return resets.length === 0 ? null : Math.min(LONGEST_RESET_MS, Math.max(...resets));
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `6m0s`, `120ms`, `1.5s`. */
function resetOf(headers: Pick<Headers, 'get'>, name: string): number | null {
  const text = headers.get(`x-ratelimit-reset-${name}`) ?? '';
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return null;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)];
  return parts.reduce((sum, [, value, unit]) => sum + Number(value) * (UNITS[unit as string] as number), 0);
}

function number(text: string | null): number | null {
  if (text === null || !/^\d+$/.test(text)) return null;
  return Number(text);
}
