/**
 * The section about evaluation along training: misaligned share and mean alignment by optimizer step, as lines and as a table.
 */
import { trainingSeries, type SeriesPoint, type TrainingSeries } from '../statistics/along-training';
import type { ReportInput } from '../report-input';
import type { ReportCell, Results } from '../results';
import { dot } from './cell-parts';
import { fixed, instant, integer, intervalText, percent } from './format';
import { markup, raw, type Markup } from './markup';
import { byQuestionSet } from './question-sets';
import { numeric, table } from './table';

const WIDTH = 380;
const HEIGHT = 130;

/** Null where nothing is evaluated along training. */
export function alongTrainingSection(input: ReportInput, results: Results): Markup | null {
  const series = trainingSeries(results);
  if (series.length === 0) return null;
  const { alignment } = input.spec.report;
  const later = input.alongTraining?.later ?? [];
  return markup`<section id="along-training">
    <h2>Along training</h2>
    <p class="lead">
      The same questions asked of the adapter after some of its optimizer steps; the last point of a line is the finished
      adapter, as in the figures. Dashed: another prompt than the default. ${
        results.rule !== null && markup`Misaligned: ${results.rule}.`
      } Intervals are those for questions like these. The answers lie in the folders <code>step-N</code> below those
      of their cells.
    </p>
    ${later.map(
      ({ configuration, steps, host, at, same }) =>
        markup`<p class="small ${same ? 'faint' : 'alert'}">
          ${configuration}, ${steps.length === 1 ? 'step' : 'steps'} ${steps.join(', ')}: kept by a later training on ${host},
          ${instant(at)}, ${
            same
              ? 'which was the finished one’s, digit by digit, as far as it went'
              : 'whose log differs from the finished one’s (another GPU type, or other versions): another adapter’s history'
          }.
        </p>`,
    )}
    ${byQuestionSet(
      input,
      series,
      ({ cell }) => cell.cell.questionSet,
      (own) => setPart(own, own.some(({ cell }) => metricOf(cell, alignment) !== undefined) ? alignment : null),
    )}
  </section>`;
}

/** `alignment` is null where these questions are not judged on it. */
function setPart(series: TrainingSeries[], alignment: string | null): Markup {
  const shares = series.some(({ cell }) => cell.summary.misaligned !== null);
  const rate = ({ cell }: SeriesPoint): number | null => {
    const found = cell.summary.misaligned?.rate;
    return found == null ? null : 100 * found;
  };
  const mean = ({ cell }: SeriesPoint): number | null => metricOf(cell, alignment)?.estimate.mean ?? null;
  const legend = new Map(series.map(({ cell }) => [cell.configuration.label, cell.colour]));
  return markup`<p class="legend small">
      ${[...legend].map(([label, colour]) => markup`<span>${dot(colour)}${label}</span> `)}
    </p>
    <div class="curves lines">
      ${shares && lines('misaligned answers, %', series, rate)}
      ${alignment !== null && lines(`mean ${alignment}, 0–100`, series, mean, 100)}
    </div>
    <details>
      <summary>Step by step</summary>
      ${table(
        [
          'Configuration',
          'Prompt',
          numeric('Step'),
          numeric('Answers'),
          alignment !== null && numeric(alignment),
          shares && numeric('misaligned'),
        ],
        series.map(({ points }) => points.map((point) => pointRow(point, alignment, shares))),
      )}
    </details>`;
}

function pointRow({ step, cell }: SeriesPoint, alignment: string | null, shares: boolean): Markup {
  const { configuration, conditionLabel, colour, summary } = cell;
  const metric = metricOf(cell, alignment);
  const share = summary.misaligned;
  return markup`<tr>
    <th scope="row">${dot(colour)}${configuration.label}</th>
    <td>${conditionLabel}</td>
    <td class="number">${integer(step)}${cell.cell.step === undefined && markup` <span class="small faint">finished</span>`}</td>
    <td class="number">${integer(summary.completions.present)}</td>
    ${
      alignment !== null &&
      markup`<td class="number">
        ${fixed(metric?.estimate.mean ?? null)}
        ${metric && markup`<div class="small">${intervalText(metric.estimate.questionsLikeThese)}</div>`}
      </td>`
    }
    ${
      shares &&
      markup`<td class="number">
        ${percent(share?.rate ?? null)}
        ${share && markup`<div class="small">${intervalText(share.questionsLikeThese, 100)}</div>`}
      </td>`
    }
  </tr>`;
}

function metricOf({ summary }: ReportCell, name: string | null): ReportCell['summary']['metrics'][number] | undefined {
  return summary.metrics.find(({ metric }) => metric === name);
}

/** A chart with a line for each series; without `top` its scale ends a little above the highest value. */
function lines(
  title: string,
  series: TrainingSeries[],
  valueOf: (point: SeriesPoint) => number | null,
  top?: number,
): Markup {
  const values = series.flatMap(({ points }) => points.flatMap((point) => valueOf(point) ?? []));
  const end = top ?? Math.min(100, Math.max(5, 5 * Math.ceil(Math.max(0, ...values) / 4.5)));
  const last = Math.max(1, ...series.flatMap(({ points }) => points.map(({ step }) => step)));
  const x = (step: number): string => ((WIDTH * step) / last).toFixed(1);
  const y = (value: number): string => (HEIGHT - (HEIGHT * value) / end).toFixed(1);
  return markup`<figure class="curve">
    <figcaption><b>${title}</b></figcaption>
    <svg viewBox="-4 -4 ${WIDTH + 8} ${HEIGHT + 8}" role="img" aria-label="${title} by optimizer step">
      <path class="axis" d="M0,0V${HEIGHT}H${WIDTH}" />
      ${series.map(({ cell, points }) => {
        const drawn = points.flatMap((point) => {
          const value = valueOf(point);
          return value === null ? [] : [{ step: point.step, value }];
        });
        const dashes = cell.cell.condition === 'default' ? '' : ';stroke-dasharray:5 3';
        return markup`<polyline
            style="stroke:${cell.colour}${raw(dashes)}"
            points="${drawn.map(({ step, value }) => `${x(step)},${y(value)}`).join(' ')}"
          />
          ${drawn.map(
            ({ step, value }) =>
              markup`<circle cx="${x(step)}" cy="${y(value)}" r="2.5" style="fill:${cell.colour}">
                <title>${cell.label}, step ${step}: ${value.toFixed(1)}</title>
              </circle>`,
          )}`;
      })}
    </svg>
    <div class="small faint">0 – ${end}, steps 0 – ${integer(last)}</div>
  </figure>`;
}
