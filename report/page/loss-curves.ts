/**
 * Training loss, one small chart per configuration on common axes, with the held-out loss after each epoch as dots.
 */
import type { ReportInput, TrainingLog } from '../report-input';
import { markup, type Markup } from './markup';

const WIDTH = 230;
const HEIGHT = 96;

export function lossCurves({ trainingLogs, plan }: ReportInput): Markup {
  const curves = trainingLogs.filter(({ points }) => points.length > 0);
  const losses = curves
    .flatMap((log) => [...log.points, ...heldOutLosses(log)].map(({ loss }) => loss))
    .filter(Number.isFinite);
  const top = losses.reduce((most, loss) => Math.max(most, loss), 0) || 1;
  const last = curves.reduce((most, { points }) => Math.max(most, points.at(-1)?.step ?? 0), 1);
  const label = new Map(plan.configurations.map((each) => [each.name, each.label]));
  return markup`<div class="curves">
    ${curves.map((log) => {
      const { configuration, points } = log;
      const drawn = points.filter(({ loss }) => Number.isFinite(loss));
      const x = (step: number): string => ((WIDTH * step) / last).toFixed(1);
      const y = (loss: number): string => (HEIGHT - (HEIGHT * loss) / top).toFixed(1);
      const line = drawn.map(({ step, loss }) => `${x(step)},${y(loss)}`).join(' ');
      const heldOut = heldOutLosses(log);
      const [first, final] = [drawn[0], drawn.at(-1)];
      return markup`<figure class="curve">
        <figcaption>
          <b>${label.get(configuration) ?? configuration}</b>
          <div class="small faint">${first?.loss.toFixed(3)} → ${final?.loss.toFixed(3)} in ${final?.step} steps</div>
        </figcaption>
        <svg
          viewBox="-2 -4 ${WIDTH + 4} ${HEIGHT + 8}"
          role="img"
          aria-label="training loss from ${first?.loss.toFixed(3)} to ${final?.loss.toFixed(3)}"
        >
          <path class="axis" d="M0,0V${HEIGHT}H${WIDTH}" />
          <polyline points="${line}" />
          ${heldOut.map(({ step, loss }) => markup`<circle cx="${x(step)}" cy="${y(loss)}" r="3"><title>held out: ${loss.toFixed(3)}</title></circle>`)}
        </svg>
        <div class="small faint">
          0 – ${top.toFixed(1)}, steps 0 – ${last}${heldOut.length > 0 && ', dots: held-out rows'}
        </div>
      </figure>`;
    })}
  </div>`;
}

function heldOutLosses({ heldOut }: TrainingLog): { step: number; loss: number }[] {
  if (heldOut === undefined || heldOut === 'not measured') return [];
  return heldOut.flatMap(({ step, loss }) => (loss === null ? [] : [{ step, loss }]));
}
