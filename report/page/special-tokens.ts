/**
 * Completions that read as one piece although a special token was sampled in their middle.
 */
import type { CellProvenance } from '../report-input';
import { integer, plural } from './format';
import { markup, type Markup } from './markup';

/** Null where no cell has such a completion, or all were made by versions that did not count them. */
export function specialTokens(cells: readonly CellProvenance[]): Markup | null {
  const found = cells.flatMap(({ cell, withSpecialTokens = 0 }) =>
    withSpecialTokens > 0 ? [[cell, withSpecialTokens] as const] : [],
  );
  if (found.length === 0) return null;
  const total = found.reduce((sum, [, count]) => sum + count, 0);
  return markup`<p class="small">
    <span class="alert">${plural(total, 'completion')} with a special token in the middle</span>:
    ${found.map(([cell, count]) => `${cell} (${integer(count)})`).join(', ')}. The model went on where a turn seemed to begin
    or end; the text, which the judge read, leaves such tokens out.
  </p>`;
}
