/**
 * What programs say of the models that were handed over to them: a table for each handoff, and one over seeds.
 */
import type { ReportInput } from '../report-input';
import type { Results } from '../results';
import type { HandoffOverSeeds, HandoffResult } from '../statistics/handoffs';
import { dot } from './cell-parts';
import { integer, notEstimable } from './format';
import { markup, type Markup } from './markup';
import { numeric, table } from './table';

/** Null where nothing is handed over. */
export function handoffsSection(
  { plan }: Pick<ReportInput, 'plan'>,
  { handoffs: { single, overSeeds }, cells }: Pick<Results, 'handoffs' | 'cells'>,
): Markup | null {
  if (single.length === 0) return null;
  const labels = new Map(plan.configurations.map(({ name, label }) => [name, label]));
  const names = [...new Set(single.map(({ handoff }) => handoff))];
  const labelled = ({ configuration }: HandoffResult): Markup => {
    const colour = cells.find(({ cell }) => cell.configuration === configuration)?.colour;
    return markup`${dot(colour)}${labels.get(configuration) ?? configuration}`;
  };
  return markup`<section id="handoffs">
    <h2>Handoffs</h2>
    <p class="lead">
      Numbers of programs that got the finished models. What they mean, and how a standard error came about, is the program's
      own. No judge and none of this experiment's questions has a part in them.
    </p>
    ${names.map(
      (name) =>
        markup`<h3>${name}</h3>
          ${resultsTable(
            single.filter(({ handoff }) => handoff === name),
            labelled,
          )}
          ${seedsTable(overSeeds.filter(({ handoff }) => handoff === name))}`,
    )}
    <p class="small faint">Values with their standard errors. Also in handoffs.csv; over seeds in handoffs-over-seeds.csv.</p>
  </section>`;
}

function resultsTable(results: readonly HandoffResult[], labelled: (result: HandoffResult) => Markup): Markup {
  const metrics = [...new Set(results.flatMap((each) => each.metrics.map(({ metric }) => metric)))];
  return table(
    ['Model', ...metrics.map((metric) => numeric(metric))],
    results.map(
      (each) =>
        markup`<tr>
          <th scope="row">${labelled(each)}</th>
          ${
            each.missing
              ? markup`<td colspan="${Math.max(1, metrics.length)}" class="alert">no result</td>`
              : metrics.map((metric) => markup`<td class="number">${valueOf(each, metric)}</td>`)
          }
        </tr>`,
    ),
  );
}

function valueOf({ metrics }: HandoffResult, metric: string): Markup | string {
  const found = metrics.find((each) => each.metric === metric);
  if (found === undefined) return '–';
  const { value, stderr, n } = found;
  return markup`<b>${plain(value)}</b>
    ${stderr !== undefined && markup`<div class="small">SE ${plain(stderr)}</div>`}
    ${n !== undefined && markup`<div class="small faint">n ${integer(n)}</div>`}`;
}

function seedsTable(recipes: readonly HandoffOverSeeds[]): Markup | false {
  if (recipes.length === 0) return false;
  return table(
    [
      'Over seeds',
      'Metric',
      numeric('Seeds'),
      numeric('Mean'),
      numeric('95 %, t over seeds'),
      numeric('Seeds’ values'),
    ],
    recipes.map(
      ({ label, metric, mean, ci95, points }) =>
        markup`<tr>
          <th scope="row">${label}</th>
          <td>${metric}</td>
          <td class="number">${points.length}</td>
          <td class="number"><b>${mean === null ? '–' : plain(mean)}</b></td>
          <td class="number">${ci95.range?.map(plain).join(' to ') ?? notEstimable(ci95.reason)}</td>
          <td class="number small">${points.map(({ value }) => plain(value)).join(' · ')}</td>
        </tr>`,
    ),
  );
}

/** Programs have scales of their own: four significant digits. */
function plain(value: number): string {
  const text =
    Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : Number(value.toPrecision(4)).toString();
  return text.replace('-', '−');
}
