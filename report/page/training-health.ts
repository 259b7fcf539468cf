/**
 * How the fine-tunes went, one line each: losses, gradients, speed and memory. The curves are loss-curves.ts.
 */
import type { ReportInput, TrainingLog } from '../report-input';
import { fixed, integer } from './format';
import { lossCurves } from './loss-curves';
import { markup, type Markup } from './markup';
import { numeric, table } from './table';

export function trainingHealth(input: ReportInput): Markup {
  const logs = input.trainingLogs.filter(({ points }) => points.length > 0);
  const label = new Map(input.plan.configurations.map((each) => [each.name, each.label]));
  const watching = logs.some(({ heldOut }) => heldOut !== undefined);
  const unwatched = logs.some(({ heldOut }) => heldOut !== undefined && incomplete(heldOut));
  return markup`${table(
    [
      'Configuration',
      numeric('Loss, first to last step'),
      watching && numeric('Held-out loss after each epoch'),
      numeric('Gradient norm, median'),
      numeric('largest'),
      numeric('Learning rate, highest'),
      numeric('Tokens/s, median'),
      numeric('Memory, most'),
    ],
    logs.map((log) => healthRow(log, label.get(log.configuration) ?? log.configuration, watching)),
    'training',
  )}
    ${
      unwatched &&
      markup`<p class="small faint">
        Held-out loss not measured: the fine-tune, or its first part, was made before this experiment asked for it, by
        one that holds out other rows or none; or by a trainer of the experiment's own, which is not asked for it. The
        adapter is the same either way.
      </p>`
    }
    ${lossCurves(input)}`;
}

function incomplete(heldOut: NonNullable<TrainingLog['heldOut']>): boolean {
  return heldOut === 'not measured' || heldOut.some(({ loss }) => loss === null);
}

function heldOutCell(heldOut: TrainingLog['heldOut']): string {
  if (heldOut === undefined || heldOut === 'not measured') return heldOut ?? '–';
  return heldOut.map(({ loss }) => (loss === null ? 'not measured' : loss.toFixed(3))).join(', ');
}

function healthRow({ points, speed, heldOut }: TrainingLog, label: string, watching: boolean): Markup {
  const norms = points.flatMap(({ gradNorm }) => gradNorm ?? []);
  const largest = norms.length === 0 ? null : largestOf(norms);
  const rates = points.flatMap(({ learningRate }) => learningRate ?? []);
  const memory = speed.map(({ memoryBytes }) => memoryBytes);
  return markup`<tr>
    <th scope="row">${label}</th>
    <td class="number">${fixed(points[0]?.loss ?? null, 3)} → ${fixed(points.at(-1)?.loss ?? null, 3)}</td>
    ${watching && markup`<td class="number">${heldOutCell(heldOut)}</td>`}
    <td class="number">${norms.length === 0 ? '–' : fixed(median(norms), 2)}</td>
    <td class="number">
      ${largest === null ? '–' : markup`${fixed(largest, 2)}<span class="small faint"> at step ${points.find(({ gradNorm }) => gradNorm === largest)?.step}</span>`}
    </td>
    <td class="number">${rates.length === 0 ? '–' : largestOf(rates).toPrecision(2)}</td>
    <td class="number">
      ${speed.length === 0 ? '–' : integer(median(speed.map(({ tokensPerSecond }) => tokensPerSecond)))}
    </td>
    <td class="number">${memory.length === 0 ? '–' : `${(largestOf(memory) / 1e9).toFixed(1)} GB`}</td>
  </tr>`;
}

/** One at a time: as arguments of `Math.max`, the steps of a long training would not fit on the stack. */
function largestOf(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value));
}

/** The upper one of two in the middle: a value that was measured. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
