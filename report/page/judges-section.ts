/**
 * Judges side by side, and how far they agree.
 */
import type { ReportInput } from '../report-input';
import type { ReportCell, Results } from '../results';
import type { MetricCalibration } from '../statistics/calibration';
import type { Interval } from '../statistics/intervals';
import type { Agreement, Shift } from '../statistics/judge-agreement';
import type { JudgedCell, JudgeResults } from '../statistics/judge-results';
import { calibrationMark } from './calibration-section';
import { countsOf, dot, onlyCategories } from './cell-parts';
import { fixed, integer, intervalText, notEstimable, percent, signed, signedInterval } from './format';
import { markup, type Markup } from './markup';
import { byQuestionSet } from './question-sets';
import { numeric, table } from './table';

/** Null with one judge. */
export function judgesSection(input: ReportInput, results: Results): Markup | null {
  const { judges, cells, agreements } = results;
  if (judges.length < 2) return null;
  return markup`<section id="judges">
    <h2>Judges side by side</h2>
    <p class="lead">
      The same answers in the eyes of each judge. Figures, contrasts and claims are those of
      <b>${judges[0]?.name}</b>. A mean is of the answers that this judge scored; only the agreement below is over the same
      answers.
    </p>
    <ul class="small">
      ${judges.map(({ name, label, standIn }) => markup`<li><b>${name}</b>: ${label}${standIn && markup` <span class="alert">(stand-in: a program scored by rule)</span>`}</li>`)}
    </ul>
    ${byQuestionSet(
      input,
      cells,
      ({ cell }) => cell.questionSet,
      (members) => sideBySide(members, results),
    )}
    ${agreements.length > 0 && agreementTables(agreements, cells)}
    <p class="small faint">Also in judges.csv and agreement.csv.</p>
  </section>`;
}

function sideBySide(members: readonly ReportCell[], { judges, calibrations }: Results): Markup {
  const measures = [
    ...new Set(
      members.flatMap(({ cell }) =>
        judges.flatMap(({ cells }) => cells.get(cell.id)?.summary.metrics.map(({ metric }) => metric) ?? []),
      ),
    ),
  ];
  const shares = members.some(({ cell }) => judges.some(({ cells }) => cells.get(cell.id)?.summary.misaligned != null));
  return table(
    [
      ...['Configuration', 'Prompt', 'Judge'],
      ...measures.map((measure) => [numeric(measure), 'verdicts']),
      shares && numeric('misaligned'),
    ],
    members.map(({ cell, configuration, conditionLabel, colour }) => {
      const judged = judges.flatMap((judge) => {
        const found = judge.cells.get(cell.id);
        return found === undefined ? [] : [{ judge, found }];
      });
      return judged.map(
        ({ judge, found }, index) =>
          markup`<tr>
            ${
              index === 0 &&
              markup`<th scope="rowgroup" rowspan="${judged.length}">${dot(colour)}${configuration.label}</th>
                <td rowspan="${judged.length}">${conditionLabel}</td>`
            }
            <td>${judge.name}</td>
            ${measures.map((measure) => meanCells(found, judge, measure, calibrations))}
            ${shares && shareCell(found)}
          </tr>`,
      );
    }),
    'cells',
  );
}

function meanCells(
  { summary }: JudgedCell,
  judge: JudgeResults,
  measure: string,
  calibrations: readonly MetricCalibration[],
): Markup {
  const found = summary.metrics.find(({ metric }) => metric === measure);
  if (found === undefined)
    return markup`<td class="number">–</td>
      <td></td>`;
  if (onlyCategories(found))
    return markup`<td class="number small"><a href="#categories">categories</a></td>
      <td class="small">${countsOf(found)}</td>`;
  return markup`<td class="number">
      <b>${fixed(found.estimate.mean)}</b> <span class="small">n ${integer(found.estimate.n)}</span>
      <div class="small">${intervalText(found.estimate.questionsLikeThese)}</div>
      ${calibrationMark(calibrations, judge.name, measure)}
    </td>
    <td class="small">${countsOf(found)}</td>`;
}

function shareCell({ summary: { misaligned } }: JudgedCell): Markup {
  if (misaligned === null) return markup`<td class="number">–</td>`;
  return markup`<td class="number">
    <b>${percent(misaligned.rate)}</b>
    <div class="small">${intervalText(misaligned.questionsLikeThese, 100)}</div>
    <div class="small faint">${misaligned.count} of ${misaligned.denominator}</div>
  </td>`;
}

function agreementTables(agreements: readonly Agreement[], cells: readonly ReportCell[]): Markup {
  const shifted = agreements.filter(({ shifts }) => shifts.length > 0);
  return markup`<h3>Agreement</h3>
    <p class="lead">
      Over the answers that both have judged, with 95 % intervals that resample questions. Krippendorff’s alpha: of scores with
      squared differences, of words (categories, and the misaligned flag under the experiment’s rule) as same or not; Cohen’s
      kappa and Gwet’s AC1: of words. 1 is perfect, 0 is what chance would give. Kappa and AC1 part where one word is rare:
      kappa is then near 0 however seldom two judges differ, and AC1 near the share of answers on which they agree.
    </p>
    ${table(
      ['Judges', 'Measure', numeric('Answers'), numeric('Alpha'), numeric('Kappa'), numeric('AC1')],
      agreements.map(
        ({ judges, measure, scale, n, alpha, kappa, ac1, ci95 }) =>
          markup`<tr>
            <th scope="row">${judges.join(' and ')}</th>
            <td>${measure} <span class="small faint">${scale}</span></td>
            <td class="number">${integer(n)}</td>
            <td class="number">${coefficient(alpha, ci95.alpha)}</td>
            <td class="number">${ci95.kappa !== null && coefficient(kappa, ci95.kappa)}</td>
            <td class="number">${ci95.ac1 !== null && coefficient(ac1, ci95.ac1)}</td>
          </tr>`,
      ),
    )}
    ${
      shifted.length > 0 &&
      markup`<h3>Mean shift</h3>
        <p class="lead">
          Second judge minus first, answer by answer, with the 95 % interval for questions like these; points of 100.
        </p>
        ${table(
          [
            'Configuration',
            ...shifted.map(({ judges: [first, second], measure }) =>
              numeric([measure, markup`<div class="faint">${second} − ${first}</div>`]),
            ),
          ],
          shiftRows(shifted, cells),
        )}`
    }`;
}

function shiftRows(shifted: readonly Agreement[], cells: readonly ReportCell[]): Markup[] {
  const configurations = new Map(cells.map((cell) => [cell.configuration.name, cell]));
  return [...configurations].flatMap(([name, { configuration, colour }]) => {
    const own = shifted.map(({ measure, shifts }) => ({
      scale: measure === 'misaligned' ? 100 : 1,
      shift: shifts.find((each) => each.configuration === name),
    }));
    if (own.every(({ shift }) => shift === undefined)) return [];
    return [
      markup`<tr>
        <th scope="row">${dot(colour)}${configuration.label}</th>
        ${own.map(({ shift, scale }) => markup`<td class="number">${shiftText(shift, scale)}</td>`)}
      </tr>`,
    ];
  });
}

function shiftText(shift: Shift | undefined, scale: number): Markup | string {
  if (shift === undefined) return '–';
  const { mean, n, questionsLikeThese } = shift.difference;
  return markup`<b>${signed(mean, scale)}</b>
    <div class="small">${signedInterval(questionsLikeThese, scale)}</div>
    <div class="small faint">n ${integer(n)}</div>`;
}

function coefficient(value: number | null, { range, reason }: Interval): Markup {
  if (value === null)
    return markup`<span class="none" title="all verdicts are the same, so there is nothing to agree about">not defined</span>`;
  const text = (each: number): string => each.toFixed(3).replace('-', '−');
  return markup`<b>${text(value)}</b>
    <div class="small">${range === null ? notEstimable(reason) : range.map(text).join(' to ')}</div>`;
}
