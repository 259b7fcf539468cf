/**
 * What each prompt condition says to the model, where its name alone does not tell.
 */
import { describeCondition } from '../../experiment/describe-prompt';
import type { Plan, PlannedCell } from '../../experiment/plan';
import { conditionName } from '../results';
import { markup, type Markup } from './markup';
import { numeric, table } from './table';

/** Their names say what they are. */
const BUILT_IN = ['default', 'none', 'empty'];

export function conditionsTable({ configurations, pools }: Pick<Plan, 'configurations' | 'pools'>): Markup | string {
  const rows = new Map<string, { cell: PlannedCell; said: string; labels: Set<string>; skipped: Set<string> }>();
  for (const { label, cells } of configurations) {
    for (const cell of cells) {
      const { condition, context, questionSet, skipped } = cell;
      if (context.model.kind === 'given' || (BUILT_IN.includes(condition) && context.ownSystem === undefined)) continue;
      const said = describeCondition(context, pools);
      const slot = `${condition} ${said}`;
      const row = rows.get(slot) ?? { cell, said, labels: new Set(), skipped: new Set() };
      rows.set(slot, row);
      row.labels.add(label);
      if (skipped !== undefined) row.skipped.add(`${skipped} of ${questionSet}`);
    }
  }
  if (rows.size === 0) return '';
  return markup`<h3>Prompt conditions</h3>
    ${table(
      ['Condition', 'What the model is told besides the question', 'Asked of', numeric('Questions left out')],
      [...rows.values()].map(
        ({ cell, said, labels, skipped }) =>
          markup`<tr>
                <th scope="row">${conditionName(cell.condition, cell.context)}</th>
                <td>${said}</td>
                <td>${[...labels].join('; ')}</td>
                <td class="number">${skipped.size === 0 ? '–' : [...skipped].join(', ')}</td>
              </tr>`,
      ),
    )}`;
}
