/**
 * Training loss, one small chart per configuration on common axes.
 */
import type { ReportInput } from '../report-input';
import { markup, type Markup } from './markup';

const WIDTH = 230;
const HEIGHT = 96;

export function lossCurves({ trainingLogs, plan }: ReportInput): Markup {
  const curves = trainingLogs.filter(({ points }) => points.length > 0);
  const losses = curves.flatMap(({ points }) => points.map(({ loss }) => loss)).filter(Number.isFinite);
  const top = losses.reduce((most, loss) => Math.max(most, loss), 0) || 1;
  const last = curves.reduce((most, { points }) => Math.max(most, points.at(-1)?.step ?? 0), 1);
  const label = new Map(plan.configurations.map((each) => [each.name, each.label]));
  return markup`<div class="curves">
    ${curves.map(({ configuration, points }) => {
      const drawn = points.filter(({ loss }) => Number.isFinite(loss));
      const line = drawn
        .map(({ step, loss }) => `${((WIDTH * step) / last).toFixed(1)},${(HEIGHT - (HEIGHT * loss) / top).toFixed(1)}`)
        .join(' ');
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
        </svg>
        <div class="small faint">0 – ${top.toFixed(1)}, steps 0 – ${last}</div>
      </figure>`;
    })}
  </div>`;
}
