/**
 * What the judges cost, and what judging had to go through.
 */
import { byStandIn, isJudged } from '../../experiment/main-judge';
import type { ReportInput } from '../report-input';
import { dollars, integer } from './format';
import { judgingCountsTable } from './judging-counts-table';
import { markup, type Markup } from './markup';

export function costSection(input: ReportInput): Markup {
  const { costs, spec } = input;
  if (!isJudged(spec))
    return markup`<section id="cost"><h2>Cost</h2><p>No judge was asked: every metric has a scorer.</p></section>`;
  const standIn = byStandIn(spec);
  return markup`<section id="cost">
    <h2>Cost</h2>
    <dl class="facts">
      <div>
        <dt>Requests to the judge</dt>
        <dd>${integer(costs.requests)}</dd>
      </div>
      <div>
        <dt>Tokens in</dt>
        <dd>${integer(costs.inputTokens)}</dd>
      </div>
      <div>
        <dt>Tokens out</dt>
        <dd>${integer(costs.outputTokens)}</dd>
      </div>
      <div>
        <dt>${standIn ? 'Paid' : 'US dollars'}</dt>
        <dd>${standIn ? '$0.00' : dollars(costs.usd)}</dd>
      </div>
    </dl>
    <p class="small faint">
      ${
        standIn
          ? 'Requests to the stand-in are free; its token counts are estimates by rule.'
          : `All requests behind the verdicts of this report, those of earlier runs included.${costs.prices === null ? '' : ` Prices: ${costs.prices}.`}`
      }
    </p>
    ${judgingCountsTable(input)}
  </section>`;
}
