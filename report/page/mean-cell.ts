/** A mean of measured values in a table's cell: with its interval, or why there is none, and its standard error. */
import type { MeanOver } from '../statistics/mean-over';
import { notEstimable } from './format';
import { markup, type Markup } from './markup';

/** `shown`: the value as the table writes it. */
export function meanCell({ mean, standardError, ci95 }: MeanOver, shown: (value: number | null) => string): Markup {
  return markup`<b>${shown(mean)}</b>
    <div class="small">${ci95.range?.map(shown).join(' to ') ?? notEstimable(ci95.reason)}</div>
    ${standardError !== null && markup`<div class="small faint">SE ${shown(standardError)}</div>`}`;
}
