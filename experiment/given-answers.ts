/**
 * Answers that no model of the experiment gave: a table's, which only a judge is asked about.
 */
import type { PlannedConfiguration } from './plan';

/** Whether a configuration stands for answers from elsewhere; false for one that is asked nothing. */
export function isGiven({ cells: [cell] }: Pick<PlannedConfiguration, 'cells'>): boolean {
  return cell?.context.model.kind === 'given';
}
