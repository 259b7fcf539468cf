/**
 * The report's results: figures, what was expected, the table of cells, and contrasts.
 */
import type { Drawing } from '../figures/render';
import { MUTED } from '../figures/palette';
import type { MetricSummary } from '../statistics/cell';
import type { Contrast } from '../statistics/contrasts';
import type { ExpectationResult } from '../statistics/expectations';
import type { ReportInput } from '../report-input';
import { STAND_IN_WARNING, type ReportCell, type ReportFigure, type Results } from '../results';
import { STATUSES } from '../statistics/statuses';
import { calibrationMark } from './calibration-section';
import { fixed, integer, intervalText, percent, signed } from './format';
import { markup, raw, type Markup } from './markup';
import { byQuestionSet } from './question-sets';

export function figuresSection(figures: readonly ReportFigure[], drawings: ReadonlyMap<string, Drawing>): Markup {
  const shown = (figure: ReportFigure): Markup =>
    markup` <figure class="figure" id="figure-${figure.id}">
      <div class="drawing">
        <div style="max-width: ${widest(drawings.get(figure.id))}px">${raw(drawings.get(figure.id)?.svg ?? '')}</div>
      </div>
      <figcaption>
        ${figure.warnings.filter((warning) => warning !== STAND_IN_WARNING).map((warning) => markup`<div class="alert">${warning}</div>`)}
        ${figure.caption}
        <span class="files">figures/${figure.id}.svg, .png, .vl.json</span>
      </figcaption>
    </figure>`;
  const more = figures.filter(({ declared }) => !declared);
  return markup`<section id="figures">
    <h2>Figures</h2>
    ${figures.filter(({ declared }) => declared).map(shown)}
    ${
      more.length > 0 &&
      markup`<details>
        <summary>Share of misaligned answers, as figures</summary>
        ${more.map(shown)}
      </details>`
    }
  </section>`;
}

/** A figure grows with the page, but its letters not beyond reason. Pixels. */
function widest(drawing: Drawing | undefined): number {
  return Math.round(1.35 * Number(/ width="(\d+)/.exec(drawing?.svg ?? '')?.[1] ?? 0));
}

export function expectationsSection(results: readonly ExpectationResult[]): Markup | null {
  if (results.length === 0) return null;
  const passed = results.filter(({ outcome }) => outcome === 'passed').length;
  return markup`<section id="expectations">
    <h2>What the experiment had to show</h2>
    <p class="lead">${passed} of ${results.length} shown.</p>
    <ul class="expectations">
      ${results.map(expectation)}
    </ul>
  </section>`;
}

function expectation({ expectation: wanted, outcome, value, sides }: ExpectationResult): Markup {
  const { statistic, metric, threshold, atLeast, atMost, note } = wanted;
  const scale = statistic === 'mean' ? 1 : 100;
  const unit = statistic === 'mean' ? '' : sides.length > 1 ? ' points' : ' %';
  const shown = (number: number): string => `${(number * scale).toFixed(1)}${unit}`;
  const what = {
    mean: `mean ${metric}`,
    share_below: `share of answers with ${metric} < ${threshold ?? ''}`,
    misaligned_share: 'share of misaligned answers',
  }[statistic];
  const limits = [atLeast !== null && `at least ${shown(atLeast)}`, atMost !== null && `at most ${shown(atMost)}`];
  const verdict = { passed: 'shown', failed: 'not shown', unknown: 'unknown' }[outcome];
  return markup`<li class="${outcome}">
    <span class="verdict">${verdict}</span>
    <div>
      <strong>${note || what}</strong>
      <div class="small">
        ${what}${sides.length > 1 && ', difference'}: found <b>${value === null ? 'nothing scored' : shown(value)}</b>,
        expected ${limits.filter((limit) => limit !== false).join(' and ')}
      </div>
      <div class="small faint">
        ${sides.map(({ cells, n }, index) => `${index === 0 ? '' : ' minus '}${cells.join(' + ')} (n ${n})`)}
      </div>
    </div>
  </li>`;
}

export function tableSection(input: ReportInput, { cells, rule, calibrations, judges }: Results): Markup {
  const mark = (metric: string): Markup | null => calibrationMark(calibrations, judges[0]?.name, metric);
  const { alignment, coherence } = input.spec.report;
  const flagMark =
    [alignment, coherence].map((name) => (name === null ? null : mark(name))).find((found) => found !== null) ?? null;
  return markup`<section id="table">
    <h2>Results</h2>
    <p class="lead">
      Mean over scored answers. Below it the 95 % interval clustered by question (Student’s t over question means), and
      in gray the naive one, which takes answers as independent. Nothing is imputed: answers without a score take no
      part. ${rule !== null && markup`<br />Misaligned: ${rule}.`}
    </p>
    ${byQuestionSet(
      input,
      cells,
      ({ cell }) => cell.questionSet,
      (members) => setTable(members, mark, flagMark),
    )}
  </section>`;
}

function setTable(
  members: readonly ReportCell[],
  mark: (metric: string) => Markup | null,
  flagMark: Markup | null,
): Markup {
  const metrics = [...new Set(members.flatMap(({ cell }) => cell.metrics.map(({ metric }) => metric)))];
  const shares = members.some(({ summary }) => summary.misaligned !== null);
  return markup`<div class="scroll">
    <table class="cells">
      <thead>
        <tr>
          <th>Configuration</th>
          <th>Prompt</th>
          <th class="number">Answers</th>
          ${metrics.map(
            (metric) =>
              markup`<th class="number">${metric}${mark(metric)}</th>
                <th>verdicts</th>`,
          )}
          ${shares && markup`<th class="number">misaligned${flagMark}</th>`}
        </tr>
      </thead>
      <tbody>
        ${members.map((member) => cellRow(member, metrics, shares))}
      </tbody>
    </table>
  </div>`;
}

function cellRow(
  { configuration, conditionLabel, colour, summary }: ReportCell,
  metrics: readonly string[],
  shares: boolean,
): Markup {
  const { completions, misaligned } = summary;
  const lacking = completions.expected - completions.present;
  return markup`<tr>
    <th scope="row">${dot(colour)}${configuration.label}</th>
    <td>${conditionLabel}</td>
    <td class="number">
      ${integer(completions.present)} ${lacking > 0 && markup`<div class="small alert">${integer(lacking)} missing</div>`}
      ${completions.cut > 0 && markup`<div class="small faint">${integer(completions.cut)} cut at the limit</div>`}
    </td>
    ${metrics.map((metric) => {
      const found = summary.metrics.find((each) => each.metric === metric);
      return markup`<td class="number">${meanOf(found)}</td>
        <td class="small">${countsOf(found)}</td>`;
    })}
    ${
      shares &&
      markup`<td class="number">
        ${
          misaligned === null
            ? '–'
            : markup`<b>${percent(misaligned.rate)}</b>
                <div class="small">${intervalText(misaligned.ci95, 100)}</div>
                <div class="small faint">${intervalText(misaligned.naive95, 100)} naive</div>
                <div class="small faint">${misaligned.count} of ${misaligned.denominator}</div>`
        }
      </td>`
    }
  </tr>`;
}

/** Scored first, then whatever else there is any of; without any score, categories stand in its place. */
export function countsOf(metric: MetricSummary | undefined): Markup[] {
  if (metric === undefined) return [];
  const { counts } = metric;
  const always = counts.categorised === 0 ? 'scored' : null;
  return STATUSES.filter(({ status }) => status === always || counts[status] > 0).map(
    ({ status, label, alert }) => markup`<div class="${alert && 'alert'}">${integer(counts[status])} ${label}</div>`,
  );
}

/** There is no mean to speak of. */
export function onlyCategories({ estimate, counts }: MetricSummary): boolean {
  return estimate.n === 0 && counts.categorised > 0;
}

function meanOf(metric: MetricSummary | undefined): Markup | string {
  if (metric === undefined) return '–';
  const { estimate, bounds } = metric;
  if (onlyCategories(metric)) return markup`<a class="small" href="#categories">categories</a>`;
  return markup`<b>${fixed(estimate.mean)}</b>
    <div class="small">${intervalText(estimate.ci95)}</div>
    <div class="small faint">${intervalText(estimate.naive95)} naive</div>
    ${bounds !== null && markup`<div class="small alert" title="the mean if every unknown verdict were 0, and if it were 100">bounds ${fixed(bounds.low)}–${fixed(bounds.high)}</div>`}`;
}

export function dot(colour: string = MUTED): Markup {
  return markup`<span class="dot"
    ><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2.5" fill="${colour}" /></svg
  ></span>`;
}

export function contrastsSection(input: ReportInput, { cells, contrasts }: Results): Markup | null {
  if (contrasts.length === 0) return null;
  const byId = new Map(cells.map((cell) => [cell.cell.id, cell]));
  const kinds: [Contrast['kind'], string][] = [
    ['base', 'against the base model'],
    ['em', 'against the fine-tune with the default prompt'],
    ['own default prompt', 'against the same model under the default prompt'],
  ];
  const table = (rows: readonly Contrast[]): Markup => {
    const measures = [...new Set(rows.map(({ measure }) => measure))];
    const ids = [...new Set(rows.map(({ cell }) => cell))];
    return markup`<div class="scroll">
      <table class="contrasts">
        <thead>
          <tr>
            <th>Cell</th>
            <th>Reference</th>
            ${measures.map((measure) => markup`<th class="number">${measure}${measure === 'misaligned' && ', points'}</th>`)}
            <th class="number">Questions</th>
          </tr>
        </thead>
        <tbody>
          ${ids.map((id) => {
            const own = rows.filter(({ cell }) => cell === id);
            return markup`<tr>
              <th scope="row">${dot(byId.get(id)?.colour)}${byId.get(id)?.label}</th>
              <td>${byId.get(own[0]?.reference ?? '')?.label}</td>
              ${measures.map((measure) => markup`<td class="number">${difference(own.find((row) => row.measure === measure))}</td>`)}
              <td class="number">${own[0]?.difference.questions}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </div>`;
  };
  return markup`<section id="contrasts">
    <h2>Contrasts</h2>
    <p class="lead">
      Differences paired by question: each question’s value here minus its value in the reference cell, with the 95 %
      interval over these differences.
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
                ${table(own)}`
          );
        }),
    )}
  </section>`;
}

function difference(contrast: Contrast | undefined): Markup | string {
  if (contrast === undefined) return '–';
  const scale = contrast.measure === 'misaligned' ? 100 : 1;
  const { difference: value, ci95 } = contrast.difference;
  const { range, reason } = ci95;
  const interval =
    range === null
      ? markup`<span class="none" title="${reason}">not estimable</span>`
      : markup`${signed(range[0], scale)} to ${signed(range[1], scale)}`;
  return markup`<b>${signed(value, scale)}</b>
    <div class="small">${interval}</div>`;
}
