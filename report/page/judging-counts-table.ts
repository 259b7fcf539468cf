/**
 * What judging had to go through, by kind: provenance, because another run of the same experiment meets other troubles.
 */
import type { ReportInput } from '../report-input';
import { integer } from './format';
import { markup, type Markup } from './markup';
import { numeric, table } from './table';

/** Null when no judge met any. */
export function judgingCountsTable({ judgingCounts: judges = [] }: Pick<ReportInput, 'judgingCounts'>): Markup | null {
  const met = (counts: Readonly<Record<string, number>>): [string, number][] =>
    Object.entries(counts).filter(([, count]) => count > 0);
  const kinds = [...new Set(judges.flatMap(({ counts }) => met(counts).map(([kind]) => kind)))];
  if (kinds.length === 0) return null;
  return markup`<h3>What judging had to go through</h3>
    ${table(
      ['Kind', ...judges.map(({ judge }) => numeric(judge))],
      kinds.map(
        (kind) =>
          markup`<tr>
                <th scope="row">${kind}</th>
                ${judges.map(({ counts }) => markup`<td class="number">${integer(counts[kind] ?? 0)}</td>`)}
              </tr>`,
      ),
    )}`;
}
