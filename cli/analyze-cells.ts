/**
 * Numbers and intervals as `flamingo analyze` prints them.
 */
import type { Interval } from '../report/statistics/intervals';

export function shown(value: number | null, digits: number): string {
  return value === null ? '–' : value.toFixed(digits);
}

/** `rate`: 0-1. */
export function share(rate: number | null): string {
  return rate === null ? '–' : `${(100 * rate).toFixed(2)} %`;
}

export function interval({ range, reason }: Interval, scale = 1): string {
  if (range === null) return `not estimable (${reason})`;
  return range.map((value) => (value * scale).toFixed(2)).join(' … ');
}

export function shortened(text: string): string {
  return text.length > 48 ? `${text.slice(0, 47)}…` : text;
}
