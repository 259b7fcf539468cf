/**
 * What several sections show of a cell: its configuration's colour, and its verdicts by status.
 */
import { MUTED } from '../figures/palette';
import type { MetricSummary } from '../statistics/cell';
import { STATUSES } from '../statistics/statuses';
import { integer } from './format';
import { markup, type Markup } from './markup';

export function dot(colour: string = MUTED): Markup {
  return markup`<span class="dot"
    ><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2.5" fill="${colour}" /></svg
  ></span>`;
}

/** Scored first, then every other status that occurs; without any score, categories stand in its place. */
export function countsOf(metric: MetricSummary | undefined): Markup[] {
  if (metric === undefined) return [];
  const { counts } = metric;
  const always = counts.categorised === 0 ? 'scored' : null;
  return STATUSES.filter(({ status }) => status === always || counts[status] > 0).map(
    ({ status, label, alert }) => markup`<div class="${alert && 'alert'}">${integer(counts[status])} ${label}</div>`,
  );
}

/** Whether there are categories and no score, so that there is no mean. */
export function onlyCategories({ estimate, counts }: MetricSummary): boolean {
  return estimate.n === 0 && counts.categorised > 0;
}
