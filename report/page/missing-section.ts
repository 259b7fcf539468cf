/**
 * What is missing, and why: failures, completions and verdicts that are not there.
 */
import type { ReportInput } from '../report-input';
import type { Results } from '../results';
import { unmeasuredAnswers } from '../statistics/answer-probability';
import { integer, plural } from './format';
import { markup, type Markup } from './markup';

/** Longer lists end with how many more there are. */
const MOST = 200;

/** Null when everything is there. */
export function missingSection(
  { failures }: ReportInput,
  { cells, keptCells, logProbabilities, answerProbabilities, handoffs }: Results,
): Markup | null {
  const unmeasured = logProbabilities.filter(({ pairs }) => pairs === 0);
  const lacking = [...cells, ...keptCells].flatMap(({ summary, label }) => {
    const answers = summary.completions.expected - summary.completions.present;
    const verdicts = summary.metrics.filter(({ counts }) => counts.missing > 0);
    if (answers === 0 && verdicts.length === 0) return [];
    const parts = verdicts.map(({ metric, counts }) => `${integer(counts.missing)} of ${metric}`);
    return [
      markup`<li>
        <b>${label}</b> <span class="faint">${summary.cell}</span>:
        ${[answers > 0 && plural(answers, 'completion'), parts.length > 0 && `verdicts: ${parts.join(', ')}`].filter((part) => part !== false).join('; ')}
      </li>`,
    ];
  });
  lacking.push(
    ...unmeasured.map(
      ({ configuration, condition }) =>
        markup`<li><b>${configuration}</b> <span class="faint">${condition}</span>: log-probabilities</li>`,
    ),
  );
  lacking.push(
    ...unmeasuredAnswers(answerProbabilities).map(
      ({ outcome, configuration, condition }) =>
        markup`<li>
          <b>${configuration}</b> <span class="faint">${condition}</span>: probabilities of answers, <code>${outcome}</code>
        </li>`,
    ),
  );
  lacking.push(
    ...handoffs.single
      .filter(({ missing }) => missing)
      .map(
        ({ configuration, handoff }) =>
          markup`<li><b>${configuration}</b> <span class="faint">${handoff}</span>: no result of the handoff</li>`,
      ),
  );
  if (failures.length === 0 && lacking.length === 0) return null;
  return markup`<section id="missing" class="warn">
    <h2>What is missing, and why</h2>
    ${
      failures.length > 0 &&
      markup`<ul>
        ${first(failures, ({ configuration, cell, message }) => markup`<li><b>${cell ?? configuration}</b> failed: ${message}</li>`)}
      </ul>`
    }
    ${
      lacking.length > 0 &&
      markup`<ul>
        ${first(lacking, (item) => item)}
      </ul>`
    }
    <p>The same <code>flamingo run</code> again retries exactly these.</p>
  </section>`;
}

function first<T>(items: readonly T[], draw: (item: T) => Markup): Markup[] {
  const more = items.length - MOST;
  return [...items.slice(0, MOST).map(draw), ...(more > 0 ? [markup`<li>and ${integer(more)} more</li>`] : [])];
}
