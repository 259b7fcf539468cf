/**
 * What the experiment does otherwise than the published recipe.
 */
import type { ReportInput } from '../report-input';
import { markup, type Markup } from './markup';
import { table } from './table';

export function deviationsSection({ plan }: ReportInput): Markup {
  return markup`<section id="deviations">
    <h2>Deviations from the published recipe</h2>
    ${
      plan.deviations.length === 0
        ? markup`<p>None.</p>`
        : markup`${table(
            ['Topic', 'Published', 'Here'],
            plan.deviations.map(
              ({ topic, published, here }) =>
                markup`<tr>
                      <th scope="row">${topic}</th>
                      <td>${published}</td>
                      <td>${here}</td>
                    </tr>`,
            ),
            'deviations',
          )}`
    }
  </section>`;
}
