/**
 * Differences between cells, paired by question: a table for each kind of reference.
 */
import type { ReportInput } from '../report-input';
import type { ReportCell, Results } from '../results';
import type { Contrast } from '../statistics/contrasts';
import { dot } from './cell-parts';
import { bothIntervals, signed, signedInterval } from './format';
import { markup, type Markup } from './markup';
import { byQuestionSet } from './question-sets';
import { numeric, table } from './table';

export function contrastsSection(input: ReportInput, { cells, contrasts }: Results): Markup | null {
  if (contrasts.length === 0) return null;
  const kinds: [Contrast['kind'], string][] = [
    ['base', 'against the base model'],
    ['em', 'against the fine-tune with the default prompt'],
    ['own default prompt', 'against the same model under the default prompt'],
  ];
  return markup`<section id="contrasts">
    <h2>Contrasts</h2>
    <p class="lead">
      The value here minus that of the reference cell, over the questions that both ask. Below it two 95 % intervals: for
      <i>these</i> questions, and for questions <i>like these</i>. Cells of one experiment share the questions and the randomness
      of each sample; what they have in common is taken off.
    </p>
    ${byQuestionSet(
      input,
      contrasts,
      ({ questionSet }) => questionSet,
      (rows) =>
        kinds.map(([kind, title]) => {
          const own = rows.filter((row) => row.kind === kind);
          return (
            own.length > 0 &&
            markup`<h4>${title}</h4>
                ${contrastTable(own, cells)}`
          );
        }),
    )}
  </section>`;
}

function contrastTable(rows: readonly Contrast[], cells: readonly ReportCell[]): Markup {
  const byId = new Map(cells.map((cell) => [cell.cell.id, cell]));
  const measures = [...new Set(rows.map(({ measure }) => measure))];
  const ids = [...new Set(rows.map(({ cell }) => cell))];
  return table(
    [
      ...['Cell', 'Reference'],
      ...measures.map((measure) => numeric([measure, measure === 'misaligned' && ', points'])),
      numeric('Questions'),
    ],
    ids.map((id) => {
      const own = rows.filter(({ cell }) => cell === id);
      return markup`<tr>
        <th scope="row">${dot(byId.get(id)?.colour)}${byId.get(id)?.label}</th>
        <td>${byId.get(own[0]?.reference ?? '')?.label}</td>
        ${measures.map((measure) => markup`<td class="number">${difference(own.find((row) => row.measure === measure))}</td>`)}
        <td class="number">${own[0]?.difference.questions}</td>
      </tr>`;
    }),
    'contrasts',
  );
}

function difference(contrast: Contrast | undefined): Markup | string {
  if (contrast === undefined) return '–';
  const scale = contrast.measure === 'misaligned' ? 100 : 1;
  return markup`<b>${signed(contrast.difference.difference, scale)}</b>
    ${bothIntervals(contrast.difference, scale, signedInterval)}`;
}
