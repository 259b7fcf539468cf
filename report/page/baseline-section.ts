/** How far each configuration's scores lie from the baseline's. */
import type { ReportInput } from '../report-input';
import type { Results } from '../results';
import { barGroups } from '../statistics/bar-groups';
import { fixed, integer, signed } from './format';
import { markup, type Markup } from './markup';
import { numeric, table } from './table';

/** Null without a baseline. */
export function baselineSection({ plan }: Pick<ReportInput, 'plan'>, { shifts, judges }: Results): Markup | null {
  if (shifts.length === 0) return null;
  const label = barGroups(plan).find(({ name }) => name === plan.baseline)?.label ?? '';
  const standIn = judges.some((judge) => judge.standIn);
  return markup`<section id="shifts">
    <h2>Shift from ${label}</h2>
    <p class="lead">
      Mean score less that of <b>${label}</b>, in points. Answers without a score take no part, so a shift compares the same
      answers only where all are scored.
      ${
        standIn &&
        'A stand-in’s scores come from a program: its shifts say nothing about a rubric, only that every request was well-formed and its reply a verdict.'
      }
    </p>
    ${table(
      ['Judge', 'Configuration', 'Metric', numeric('Scored'), numeric('Mean'), numeric('Shift')],
      shifts.map(
        ({ judge, configuration, metric, scored, expected, mean, shift }) =>
          markup`<tr>
                <th scope="row">${judge}</th>
                <td>${configuration}</td>
                <td>${metric}</td>
                <td class="number ${scored < expected && 'alert'}">${integer(scored)} of ${integer(expected)}</td>
                <td class="number">${fixed(mean)}</td>
                <td class="number"><b>${signed(shift)}</b></td>
              </tr>`,
      ),
    )}
    <p class="small faint">Also in shifts.csv.</p>
  </section>`;
}
