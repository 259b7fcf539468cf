/**
 * How much a judge contradicts itself where it was asked more than once.
 */
import type { Results } from '../results';
import { fixed, integer, intervalText, percent } from './format';
import { markup, type Markup } from './markup';
import { numeric, table } from './table';

/** Null when no judge was asked more than once. */
export function noiseSection({ noise }: Results): Markup | null {
  if (noise.length === 0) return null;
  return markup`<section id="noise">
    <h2>Judge noise</h2>
    <p class="lead">
      What a judge says of the very same answer when asked again: the standard deviation within an answer, pooled over
      answers, and how often two of its verdicts fall on different sides of the threshold.
    </p>
    ${table(
      [
        ...['Judge', 'Measure', numeric('Answers, verdicts'), numeric('SD within'), 'Flag'],
        ...[numeric('Pairs that disagree'), numeric('Answers with both')],
      ],
      noise.map(
        ({ judge, measure, within, flips }) =>
          markup`<tr>
            <th scope="row">${judge}</th>
            <td>${measure}</td>
            <td class="number">${within === null ? '' : `${integer(within.answers)}, ${integer(within.verdicts)}`}</td>
            <td class="number">${within === null ? '' : fixed(within.sd, 2)}</td>
            <td>${flips?.flag}</td>
            <td class="number">
              ${flips !== null && markup`<b>${percent(flips.rate.rate)}</b><div class="small">${intervalText(flips.rate.questionsLikeThese, 100)}</div>`}
            </td>
            <td class="number">${flips !== null && `${integer(flips.mixed)} of ${integer(flips.answers)}`}</td>
          </tr>`,
      ),
    )}
    <p class="small faint">Also in noise.csv.</p>
  </section>`;
}
