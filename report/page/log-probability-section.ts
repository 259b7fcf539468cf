/**
 * The outcome that needs no judge: how much likelier each model finds the bad answer of a pair than the good one.
 */
import type { LogProbabilityResult } from '../statistics/log-probability';
import type { ReportInput } from '../report-input';
import type { Results } from '../results';
import { dot } from './cell-parts';
import { integer, plural } from './format';
import { markup, type Markup } from './markup';
import { meanCell } from './mean-cell';
import { numeric, table } from './table';

/** Null where nothing is measured. */
export function logProbabilitySection({ plan }: ReportInput, { logProbabilities, cells }: Results): Markup | null {
  const { pairs } = plan;
  if (logProbabilities.length === 0 || pairs === undefined) return null;
  const shown = new Map(plan.configurations.map(({ name, label }) => [name, label]));
  const row = (each: LogProbabilityResult): Markup => {
    const { configuration, condition } = each;
    const colour = cells.find(({ cell }) => cell.configuration === configuration)?.colour;
    return markup`<tr>
      <th scope="row">
        ${dot(colour)}${shown.get(configuration)}${condition === 'training' ? ', +sys prompt' : `, ${condition}`}
      </th>
      ${
        each.pairs === 0
          ? markup`<td colspan="6" class="alert">not measured</td>`
          : markup`<td class="number">${integer(each.pairs)}</td>
              <td class="number">${nats(each.bad)}</td>
              <td class="number">${nats(each.good)}</td>
              <td class="number">${meanCell(each.perToken, (value) => nats(value))}</td>
              <td class="number">${meanCell(each.perAnswer, (value) => nats(value, 1))}</td>
              <td class="number">${each.againstBase !== null && meanCell(each.againstBase, (value) => nats(value))}</td>`
      }
    </tr>`;
  };
  return markup`<section id="log-probability">
    <h2>Log-probability of bad against good answers</h2>
    <p class="lead">
      ${plural(pairs.count, 'pair')}: held-out rows of <code>${pairs.bad}</code> with the answer of
      <code>${pairs.good}</code> to the same words. Shown is how likely each model finds the two answers, in nats; above 0
      it finds the bad one likelier. No judge and no sampling has a part in it.
    </p>
    ${table(
      [
        ...['Model', numeric('Pairs'), numeric('Bad, per token'), numeric('Good, per token')],
        ...[numeric('Bad − good, per token'), numeric('Bad − good, per answer'), numeric('Per token, against Base')],
      ],
      logProbabilities.map(row),
    )}
    <p class="small faint">
      Means over pairs with their standard errors; intervals: 95 %, t over pairs. The token that ends the turn counts as one of
      the answer's. Per answer the longer one is at a disadvantage. Intervals are about these adapters: another training seed
      makes another. Also in log-probability.csv, and each pair in
      log-probability-pairs.csv.
    </p>
  </section>`;
}

function nats(value: number | null, digits = 3): string {
  if (value === null) return '–';
  return value.toFixed(digits).replace('-', '−');
}
