/**
 * What each prompt condition says to the model, where its name alone does not tell.
 */
import { describeCondition } from '../../experiment/describe-prompt';
import { conditionsInUse, type ConditionInUse } from '../../experiment/measurements';
import type { Plan } from '../../experiment/plan';
import { conditionName } from '../results';
import { markup, type Markup } from './markup';
import { numeric, table } from './table';

/** Their names say what they are. */
const BUILT_IN = ['default', 'none', 'empty'];

export function conditionsTable(plan: Pick<Plan, 'configurations' | 'pools' | 'answerProbabilities'>): Markup | string {
  const rows = new Map<string, { used: ConditionInUse; said: string; labels: Set<string>; skipped: Set<string> }>();
  for (const configuration of plan.configurations) {
    for (const used of conditionsInUse(configuration, plan)) {
      const { condition, context, skipped } = used;
      if (BUILT_IN.includes(condition) && context.ownSystem === undefined) continue;
      const said = describeCondition(context, plan.pools);
      const slot = `${condition} ${said}`;
      const row = rows.get(slot) ?? { used, said, labels: new Set(), skipped: new Set() };
      rows.set(slot, row);
      row.labels.add(configuration.label);
      if (skipped !== undefined) row.skipped.add(`${skipped.count} of ${skipped.questionSet}`);
    }
  }
  if (rows.size === 0) return '';
  return markup`<h3>Prompt conditions</h3>
    ${table(
      ['Condition', 'What the model is told besides the question', 'Asked of', numeric('Questions left out')],
      [...rows.values()].map(
        ({ used, said, labels, skipped }) =>
          markup`<tr>
                <th scope="row">${conditionName(used.condition, used.context)}</th>
                <td>${said}</td>
                <td>${[...labels].join('; ')}</td>
                <td class="number">${skipped.size === 0 ? '–' : [...skipped].join(', ')}</td>
              </tr>`,
      ),
    )}`;
}
