/**
 * Differences between cells, paired by question: a table for each kind of reference.
 */
import type { ReportInput } from '../report-input';
import type { Results } from '../results';
import type { Contrast, ContrastKind } from '../statistics/contrasts';
import { groupBy } from '../statistics/grouping';
import type { RecipeCell } from '../statistics/recipes';
import { dot } from './cell-parts';
import { bothIntervals, signed, signedInterval } from './format';
import { cellsOfRecipes, labelsOf } from './labels';
import { markup, type Markup } from './markup';
import { byQuestionSet } from './question-sets';
import { numeric, table } from './table';
import { unscoredSeeds } from './unscored-seeds';

const KINDS: [ContrastKind, string][] = [
  ['base', 'against the base model'],
  ['em', 'against the fine-tune with the default prompt'],
  ['own default prompt', 'against the same model under the default prompt'],
  ['interaction with base', 'what the prompt changes, beyond what it changes in the base model'],
  ['interaction with em', 'what the prompt changes, beyond what it changes in the fine-tune with the default prompt'],
  ['group', 'against another group'],
];

/** Beside a contrast of which a side with a single fine-tune is taken to vary over seeds as the others do. */
export const BORROWED_SPREAD = 'one fine-tune, others’ spread';

/** A recipe under several seeds is shown as a whole; its single seeds are in contrasts.csv. */
export function contrastsSection(input: ReportInput, { cells, recipes, contrasts: all }: Results): Markup | null {
  if (all.length === 0) return null;
  const ofSeeds = cellsOfRecipes(recipes);
  const contrasts = all.filter(({ cell }) => !ofSeeds.has(cell));
  const labels = labelsOf({ cells, recipes });
  const colours = new Map(cells.map(({ cell, colour }) => [cell.id, colour]));
  const named = new Map<string, Named>([
    ...cells.map(({ cell, label, colour }): [string, Named] => [cell.id, { label, colour }]),
    ...recipes.map((recipe): [string, Named] => [
      recipe.cell,
      {
        label: `${labels.get(recipe.cell)}, ${recipe.seeds.length} seeds`,
        colour: colours.get(recipe.seeds[0]?.cells[0] ?? ''),
        recipe,
      },
    ]),
  ]);
  return markup`<section id="contrasts">
    <h2>Contrasts</h2>
    <p class="lead">
      The value here minus that of the reference cell, over the questions that both ask. Below it two 95 % intervals: for
      <i>these</i> questions, and for questions <i>like these</i>.
      ${
        cells.every(({ cell }) => cell.given === true)
          ? 'Groups share the questions, and no randomness.'
          : 'Cells of one experiment share the questions and the randomness of each sample; what they have in common is taken off.'
      }
    </p>
    ${byQuestionSet(
      input,
      contrasts,
      ({ questionSet }) => questionSet,
      (rows) =>
        KINDS.map(([kind, title]) => {
          const own = rows.filter((row) => row.kind === kind);
          return (
            own.length > 0 &&
            markup`<h4>${title}</h4>
                ${contrastTable(own, named)}`
          );
        }),
    )}
    ${
      contrasts.some(({ singles }) => singles > 0) &&
      markup`<p class="small faint">
        “${BORROWED_SPREAD}”: a side that was trained under one seed is taken to vary over seeds as the other side does.
      </p>`
    }
  </section>`;
}

interface Named {
  label: string;
  colour: string | undefined;
  /** Under several seeds. */
  recipe?: RecipeCell;
}

function contrastTable(rows: readonly Contrast[], named: ReadonlyMap<string, Named>): Markup {
  const measures = [...new Set(rows.map(({ measure }) => measure))];
  const pairs = groupBy(rows, ({ cell, reference }) => JSON.stringify([cell, reference]));
  return table(
    [
      ...['Cell', 'Reference'],
      ...measures.map((measure) => numeric([measure, measure === 'misaligned' && ', points'])),
      numeric('Questions'),
    ],
    [...pairs.values()].map((own) => {
      const { cell, reference } = own[0] as Contrast;
      return markup`<tr>
        <th scope="row">${dot(named.get(cell)?.colour)}${named.get(cell)?.label ?? cell}</th>
        <td>${named.get(reference)?.label ?? reference}</td>
        ${measures.map(
          (measure) =>
            markup`<td class="number">${difference(
              own.find((row) => row.measure === measure),
              [cell, reference].map((side) => named.get(side)?.recipe),
            )}</td>`,
        )}
        <td class="number">
          ${own[0]?.difference.questions}
          ${own.some(({ singles }) => singles > 0) && markup`<div class="small faint">${BORROWED_SPREAD}</div>`}
        </td>
      </tr>`;
    }),
    'contrasts',
  );
}

function difference(contrast: Contrast | undefined, sides: readonly (RecipeCell | undefined)[]): Markup | string {
  if (contrast === undefined) return '–';
  const scale = contrast.measure === 'misaligned' ? 100 : 1;
  return markup`<b>${signed(contrast.difference.difference, scale)}</b>
    ${bothIntervals(contrast.difference, scale, signedInterval)}
    ${sides.map((side) => side !== undefined && unscoredSeeds(side, contrast.measure, side.label))}
    ${
      contrast.bounds !== null &&
      markup`<div class="small alert" title="the difference where unknown verdicts are the worst for it, on both sides, and where they are the best">bounds ${signed(contrast.bounds.low, scale)} to ${signed(contrast.bounds.high, scale)}</div>`
    }`;
}
