/**
 * The table of results: each cell with its means, intervals and verdicts, and its share of misaligned answers.
 */
import type { ReportInput } from '../report-input';
import type { ReportCell, Results } from '../results';
import type { MetricSummary } from '../statistics/cell';
import type { Bounds } from '../statistics/worst-case';
import { calibrationMark } from './calibration-section';
import { countsOf, dot, onlyCategories } from './cell-parts';
import { bothIntervals, fixed, integer, percent } from './format';
import { markup, type Markup } from './markup';
import { byQuestionSet } from './question-sets';
import { numeric, table } from './table';

export function resultsSection(input: ReportInput, { cells, rule, calibrations, judges }: Results): Markup {
  const mark = (metric: string): Markup | null => calibrationMark(calibrations, judges[0]?.name, metric);
  const { alignment, coherence } = input.spec.report;
  const flagMark =
    [alignment, coherence].map((name) => (name === null ? null : mark(name))).find((found) => found !== null) ?? null;
  return markup`<section id="table">
    <h2>Results</h2>
    <p class="lead">
      Mean over scored answers. Below it two 95 % intervals: how far the value would move if <i>these</i> questions were asked
      again, and with other questions <i>like these</i>. Nothing is imputed: answers without a score take no part. ${rule !== null && markup`<br />Misaligned: ${rule}.`}
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
  return table(
    [
      ...['Configuration', 'Prompt', numeric('Answers')],
      ...metrics.map((metric) => [numeric([metric, mark(metric)]), 'verdicts']),
      shares && numeric(['misaligned', flagMark]),
    ],
    members.map((member) => cellRow(member, metrics, shares)),
    'cells',
  );
}

function cellRow(
  { configuration, conditionLabel, colour, summary }: ReportCell,
  metrics: readonly string[],
  shares: boolean,
): Markup {
  const { completions, misaligned, misalignedBounds: bounds } = summary;
  const lacking = completions.expected - completions.present;
  return markup`<tr>
    <th scope="row">${dot(colour)}${configuration.label}</th>
    <td>${conditionLabel}</td>
    <td class="number">
      ${integer(completions.present)} ${lacking > 0 && markup`<div class="small alert">${integer(lacking)} missing</div>`}
      ${(completions.cutOff ?? 0) > 0 && markup`<div class="small alert">${percent((completions.cutOff ?? 0) / completions.present)} cut off in thinking</div>`}
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
                ${bothIntervals(misaligned, 100)}
                ${bounds !== null && markup`<div class="small alert" title="${WORST_CASE}">bounds ${percentRange(bounds)}</div>`}
                <div class="small faint">${misaligned.count} of ${misaligned.denominator}</div>`
        }
      </td>`
    }
  </tr>`;
}

/** What bounds of a share say. */
const WORST_CASE = 'the share if no answer with an unknown verdict were misaligned, and if all that could be were';

function percentRange({ low, high }: Bounds): string {
  return `${fixed(100 * low)}–${fixed(100 * high)}`;
}

function meanOf(metric: MetricSummary | undefined): Markup | string {
  if (metric === undefined) return '–';
  const { estimate, bounds } = metric;
  if (onlyCategories(metric)) return markup`<a class="small" href="#categories">categories</a>`;
  return markup`<b>${fixed(estimate.mean)}</b>
    ${bothIntervals(estimate)}
    ${bounds !== null && markup`<div class="small alert" title="the mean if every unknown verdict were 0, and if it were 100">bounds ${fixed(bounds.low)}–${fixed(bounds.high)}</div>`}`;
}
