/**
 * Numbers and times as people read them.
 */
import type { TwoIntervals } from '../statistics/estimates';
import type { Interval } from '../statistics/intervals';
import { markup, type Markup } from './markup';

export function integer(value: number): string {
  return value.toLocaleString('en-US');
}

export function fixed(value: number | null, digits = 1): string {
  return value === null ? '–' : value.toFixed(digits);
}

export function percent(rate: number | null): string {
  return rate === null ? '–' : `${(100 * rate).toFixed(1)} %`;
}

/** `47.7 – 81.2`, or `not estimable` with the reason as a tooltip. */
export function intervalText({ range, reason }: Interval, scale = 1): Markup {
  if (range === null) return notEstimable(reason);
  const [low, high] = range.map((value) => (value * scale).toFixed(1));
  return markup`${low}&thinsp;–&thinsp;${high}`;
}

/** Both intervals of a value, one below the other. */
export function bothIntervals(
  of: TwoIntervals,
  scale = 1,
  text: (interval: Interval, scale: number) => Markup | string = intervalText,
): Markup {
  return markup`<div class="small">${text(of.theseQuestions, scale)} <span class="faint">these</span></div>
    <div class="small">${text(of.questionsLikeThese, scale)} <span class="faint">like these</span></div>`;
}

/** `−20.1 to −4.5`, or `not estimable`. */
export function signedInterval({ range, reason }: Interval, scale = 1): Markup | string {
  return range === null ? notEstimable(reason) : range.map((end) => signed(end, scale)).join(' to ');
}

/** What stands in place of a number that can not be estimated; the reason is its tooltip. */
export function notEstimable(reason: string | null): Markup {
  return markup`<span class="none" title="${reason}">not estimable</span>`;
}

/** `−12.3`, `+4.5`, `0.0`. */
export function signed(value: number | null, scale = 1): string {
  if (value === null) return '–';
  const text = Math.abs(value * scale).toFixed(1);
  return text === '0.0' ? text : `${value < 0 ? '−' : '+'}${text}`;
}

export function duration(seconds: number | null): string {
  if (seconds === null) return '–';
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `2026-02-19 19:33:26 UTC`. */
export function instant(iso: string | null): string {
  return iso === null ? '–' : iso.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
}

export function dollars(usd: number | null): string {
  if (usd === null) return 'unknown: the model’s price is not known';
  return usd > 0 && usd < 0.01 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${integer(count)} ${count === 1 ? one : many}`;
}

/** The first twelve digits; the whole as a tooltip. */
export function hash(value: string | undefined): Markup {
  return value === undefined
    ? markup`<span class="faint">–</span>`
    : markup`<code title="${value}">${value.slice(0, 12)}</code>`;
}
