/**
 * Kinds of answers: the share of refusals, code, incoherent, cut and unscored answers, cell by cell, and their contrasts.
 */
import type { ReportInput } from '../report-input';
import type { ReportCell, Results } from '../results';
import {
  ANSWER_KINDS,
  KIND_LABELS,
  kindContrasts,
  type AnswerKind,
  type KindContrast,
} from '../statistics/answer-kinds';
import type { ShareEstimate } from '../statistics/estimates';
import { groupBy } from '../statistics/grouping';
import { dot } from './cell-parts';
import { BORROWED_SPREAD } from './contrasts-section';
import { bothIntervals, integer, percent, signed, signedInterval } from './format';
import { cellsOfRecipes, labelsOf } from './labels';
import { markup, type Markup } from './markup';
import { byQuestionSet } from './question-sets';
import { numeric, table } from './table';

/**
 * Null without an answer. `all`: the whole experiment, where `input` and `results` are what the page shows of it: a cell that is
 * shown may be compared with one that is not.
 */
export function kindsSection(
  input: ReportInput,
  { cells, recipes }: Results,
  all: { plan: ReportInput['plan']; cells: ReportCell[] },
): Markup | null {
  const { report: rules } = input.spec;
  const { coherence, misaligned } = rules;
  if (!cells.some(({ answers }) => answers.length > 0)) return null;
  // a recipe under several seeds is shown as a whole
  const ofSeeds = cellsOfRecipes(recipes);
  const shown = new Set([
    ...cells.flatMap(({ cell }) => (ofSeeds.has(cell.id) ? [] : [cell.id])),
    ...recipes.map(({ cell }) => cell),
  ]);
  const contrasts = [...kindContrasts(all.plan, all.cells, rules, (cell) => shown.has(cell))];
  const rule = `${coherence} ${misaligned.coherence.operator} ${misaligned.coherence.value}`;
  return markup`<section id="kinds">
    <h2>Kinds of answers</h2>
    <p class="lead">
      Shares of all answers that are there, with both 95 % intervals. A refusal and code have no score, by verdict;
      ${coherence !== null && markup`an incoherent answer fails ${rule};`} an unscored one was to have a score that could
      not be had. An answer may be of several kinds.
    </p>
    ${byQuestionSet(
      input,
      cells,
      ({ cell }) => cell.questionSet,
      (members) => {
        const set = members[0]?.cell.questionSet;
        const own = contrasts.filter(({ questionSet }) => questionSet === set);
        return [shareTable(members), own.length > 0 && contrastDetails(own, all.cells, recipes)];
      },
    )}
    <p class="small faint">All shares: outcomes.csv; all contrasts: report.json.</p>
  </section>`;
}

function shareTable(members: readonly ReportCell[]): Markup {
  const rows = members.map((place) => ({
    place,
    shares: new Map(place.kinds.map(({ kind, share }) => [kind, share])),
  }));
  const kinds = ANSWER_KINDS.filter((kind) => rows.some(({ shares }) => shares.has(kind)));
  return table(
    ['Configuration', 'Prompt', numeric('Answers'), ...kinds.map((kind) => numeric(KIND_LABELS[kind]))],
    rows.map(
      ({ place, shares }) =>
        markup`<tr>
          <th scope="row">${dot(place.colour)}${place.configuration.label}</th>
          <td>${place.conditionLabel}</td>
          <td class="number">${integer(place.answers.length)}</td>
          ${kinds.map((kind) => shareCell(shares.get(kind), kind))}
        </tr>`,
    ),
    'cells',
  );
}

function shareCell(share: ShareEstimate | undefined, kind: AnswerKind): Markup {
  if (share === undefined || share.rate === null) return markup`<td class="number faint">–</td>`;
  const alert = kind === 'unscored' && share.count > 0;
  return markup`<td class="number ${alert ? 'alert' : share.count === 0 && 'zero'}">
    <b>${percent(share.rate)}</b>
    ${bothIntervals(share, 100)}
    <div class="small faint">${integer(share.count)}</div>
  </td>`;
}

function contrastDetails(rows: readonly KindContrast[], cells: ReportCell[], recipes: Results['recipes']): Markup {
  const labels = labelsOf({ cells, recipes });
  const pairs = groupBy(rows, ({ kind, cell, reference }) => JSON.stringify([kind, cell, reference]));
  const kinds = ANSWER_KINDS.filter((kind) => rows.some(({ answers }) => answers === kind));
  return markup`<details>
    <summary>Contrasts, in points</summary>
    ${table(
      ['Cell', 'Reference', ...kinds.map((kind) => numeric(KIND_LABELS[kind]))],
      [...pairs.values()].map((own) => {
        const [{ kind, cell, reference }] = own as [KindContrast];
        return markup`<tr>
          <th scope="row">${labels.get(cell)}</th>
          <td>
            ${labels.get(reference)}
            ${
              kind.startsWith('interaction') &&
              markup`<div class="small faint">what the prompt changes, beyond what it changes there</div>`
            }
            ${own.some(({ singles }) => singles > 0) && markup`<div class="small faint">${BORROWED_SPREAD}</div>`}
          </td>
          ${kinds.map((kind) => markup`<td class="number">${difference(own.find(({ answers }) => answers === kind))}</td>`)}
        </tr>`;
      }),
      'contrasts',
    )}
  </details>`;
}

/** Cells with no answer of the kind have no contrast of it. */
function difference(contrast: KindContrast | undefined): Markup {
  if (contrast === undefined) return markup`<span class="faint">none in any</span>`;
  return markup`<b>${signed(contrast.difference.difference, 100)}</b>
    ${bothIntervals(contrast.difference, 100, signedInterval)}`;
}
