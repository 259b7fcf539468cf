/**
 * What the judges made of answers of known sign: floor, ceiling, how far apart they are, and the bridge to published scores.
 */
import { calibrationWarning, LEAST_AUC, type MetricCalibration, type SetScores } from '../statistics/calibration';
import type { Results } from '../results';
import { fixed, integer, notEstimable, signed } from './format';
import { markup, type Markup } from './markup';
import { numeric, table } from './table';

/** Null without calibration. */
export function calibrationSection({ calibrations }: Results): Markup | null {
  if (calibrations.length === 0) return null;
  const bridged = calibrations.some(({ bridge }) => bridge !== null);
  return markup`<section id="calibration">
    <h2>Calibration</h2>
    <p class="lead">
      Scores of answers whose quality was known beforehand: bad ones should score low (floor) and good ones high (ceiling).
      AUC: how often a good answer scores above a bad one, ties counted half; below ${LEAST_AUC} the judge does not tell them
      apart well enough, and whatever rests on its scores says so.
      ${bridged && 'The bridge compares with published scores of the same answers.'}
    </p>
    ${table(
      [
        'Judge',
        'Metric',
        numeric('Floor (bad)'),
        numeric('Ceiling (good)'),
        numeric('AUC'),
        bridged && [numeric('Here, published'), numeric('Difference'), numeric('Spearman')],
      ],
      calibrations.map((each) => calibrationRow(each, bridged)),
    )}
    <p class="small faint">
      Also in calibration.csv. Intervals: 95 %; of the AUC with questions resampled, of the others with answers taken as
      independent.
    </p>
  </section>`;
}

function calibrationRow(calibration: MetricCalibration, bridged: boolean): Markup {
  const { judge, metric, floor, ceiling, separation, bridge } = calibration;
  const warning = calibrationWarning(calibration);
  return markup`<tr>
    <th scope="row">${judge}</th>
    <td>${metric}${warning !== null && markup`<div class="small alert">${warning}</div>`}</td>
    <td class="number">${setText(floor)}</td>
    <td class="number">${setText(ceiling)}</td>
    <td class="number ${warning !== null && 'alert'}">
      ${
        separation !== null &&
        markup`<b>${fixed(separation.auc, 3)}</b>
          <div class="small">${
            separation.ci95.range === null
              ? notEstimable(separation.ci95.reason)
              : separation.ci95.range.map((end) => end.toFixed(3)).join(' – ')
          }</div>`
      }
    </td>
    ${
      bridged &&
      markup`<td class="number">
          ${bridge !== null && markup`${fixed(bridge.mean)}, ${fixed(bridge.referenceMean)} ${counts(bridge.n, bridge.unscored)}`}
        </td>
        <td class="number">
          ${
            bridge !== null &&
            markup`<b>${signed(bridge.difference)}</b>
              <div class="small">${bridge.ci95.range?.map((end) => signed(end)).join(' to ')}</div>`
          }
        </td>
        <td class="number">${bridge !== null && fixed(bridge.spearman, 3).replace('-', '−')}</td>`
    }
  </tr>`;
}

function setText(scores: SetScores | null): Markup | string {
  if (scores === null) return '';
  return markup`<b>${fixed(scores.mean)}</b>
    <div class="small">${scores.ci95.range?.map((end) => end.toFixed(1)).join(' – ')}</div>
    ${counts(scores.n, scores.unscored)}`;
}

function counts(n: number, unscored: number): Markup {
  return markup`<div class="small faint">n ${integer(n)}${unscored > 0 && `, ${integer(unscored)} without a score`}</div>`;
}

/** `not calibrated` with the reason as a tooltip, where that is so. */
export function calibrationMark(
  calibrations: readonly MetricCalibration[],
  judge: string | undefined,
  metric: string,
): Markup | null {
  const found = calibrations.find((each) => each.judge === judge && each.metric === metric);
  const warning = found === undefined ? null : calibrationWarning(found);
  return warning === null ? null : markup`<div class="small alert" title="${warning}">not calibrated</div>`;
}
