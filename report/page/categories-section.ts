/**
 * Categorical metrics: the share of each category, cell by cell.
 */
import type { CategoryShares } from '../statistics/categories';
import type { JudgeResults } from '../statistics/judge-results';
import type { ReportCell, Results } from '../results';
import { dot } from './cell-parts';
import { integer, intervalText, percent } from './format';
import { markup, type Markup } from './markup';
import { numeric, table } from './table';

/** Null without a categorical metric. */
export function categoriesSection({ cells, judges }: Results): Markup | null {
  const tables = judges.flatMap((judge) => tablesOf(judge, cells));
  if (tables.length === 0) return null;
  return markup`<section id="categories">
    <h2>Categories</h2>
    <p class="lead">
      Share of the answers that the judge put into each category, of those that it put into any, with the 95 % interval
      for questions like these. Categories that stand for a score say which.
    </p>
    ${tables}
    <p class="small faint">Also in categories.csv.</p>
  </section>`;
}

function tablesOf({ cells: judged, name, main }: JudgeResults, cells: readonly ReportCell[]): Markup[] {
  const rows = cells.flatMap((place) =>
    (judged.get(place.cell.id)?.categories ?? []).map((shares) => ({ place, shares })),
  );
  const metrics = [...new Set(rows.map(({ shares }) => shares.metric))];
  return metrics.map((metric) => {
    const own = rows.filter(({ shares }) => shares.metric === metric);
    const columns = new Map(
      own.flatMap(({ shares }) => shares.categories.map(({ category, score }) => [category, score] as const)),
    );
    return markup`<h3>${metric}${!main && ` by ${name}`}</h3>
      ${table(
        [
          'Cell',
          numeric('Answers'),
          ...[...columns].map(([category, score]) =>
            numeric([category, score !== null && markup`<div class="faint">= ${score}</div>`]),
          ),
        ],
        own.map(
          ({ place, shares }) =>
            markup`<tr>
                  <th scope="row">${dot(place.colour)}${place.label}<span class="small faint"> ${place.cell.questionSet}</span></th>
                  <td class="number">${integer(shares.answers)}</td>
                  ${[...columns.keys()].map((category) => shareCell(shares, category))}
                </tr>`,
        ),
      )}`;
  });
}

function shareCell({ categories }: CategoryShares, name: string): Markup {
  const found = categories.find(({ category }) => category === name);
  if (found === undefined) return markup`<td class="number faint">–</td>`;
  const { share, verdicts } = found;
  return markup`<td class="number ${verdicts === 0 && 'zero'}">
    <b>${percent(share.rate)}</b>
    ${verdicts > 0 && markup`<div class="small">${intervalText(share.questionsLikeThese, 100)}</div>`}
    <div class="small faint">${integer(verdicts)} verdicts</div>
  </td>`;
}
