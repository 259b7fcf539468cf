/**
 * What the experiment file says the experiment must show, and whether it did.
 */
import type { ExpectationResult } from '../statistics/expectations';
import { markup, type Markup } from './markup';

export function expectationsSection(results: readonly ExpectationResult[]): Markup | null {
  if (results.length === 0) return null;
  const passed = results.filter(({ outcome }) => outcome === 'passed').length;
  return markup`<section id="expectations">
    <h2>What the experiment had to show</h2>
    <p class="lead">${passed} of ${results.length} shown.</p>
    <ul class="expectations">
      ${results.map(expectation)}
    </ul>
  </section>`;
}

function expectation({ expectation: wanted, outcome, value, sides }: ExpectationResult): Markup {
  const { statistic, metric, threshold, atLeast, atMost, note } = wanted;
  const scale = statistic === 'mean' ? 1 : 100;
  const unit = statistic === 'mean' ? '' : sides.length > 1 ? ' points' : ' %';
  const shown = (number: number): string => `${(number * scale).toFixed(1)}${unit}`;
  const what = {
    mean: `mean ${metric}`,
    share_below: `share of answers with ${metric} < ${threshold ?? ''}`,
    misaligned_share: 'share of misaligned answers',
  }[statistic];
  const limits = [atLeast !== null && `at least ${shown(atLeast)}`, atMost !== null && `at most ${shown(atMost)}`];
  const verdict = { passed: 'shown', failed: 'not shown', unknown: 'unknown' }[outcome];
  return markup`<li class="${outcome}">
    <span class="verdict">${verdict}</span>
    <div>
      <strong>${note || what}</strong>
      <div class="small">
        ${what}${sides.length > 1 && ', difference'}: found <b>${value === null ? 'nothing scored' : shown(value)}</b>,
        expected ${limits.filter((limit) => limit !== false).join(' and ')}
      </div>
      <div class="small faint">
        ${sides.map(({ cells, n }, index) => `${index === 0 ? '' : ' minus '}${cells.join(' + ')} (n ${n})`)}
      </div>
    </div>
  </li>`;
}
