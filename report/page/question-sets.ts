/**
 * What a section shows for each question set, under the set's own heading.
 */
import type { ReportInput } from '../report-input';
import { markup, type Markup } from './markup';

/** In the plan's order; a set without `items` is left out. */
export function byQuestionSet<T>(
  { plan, spec }: Pick<ReportInput, 'plan' | 'spec'>,
  items: readonly T[],
  setOf: (item: T) => string,
  draw: (items: T[]) => Markup | (Markup | false)[],
): (Markup | false)[] {
  return Object.keys(plan.questionSets).map((set) => {
    const own = items.filter((item) => setOf(item) === set);
    return (
      own.length > 0 &&
      markup`<h3>${spec.questionSets[set]?.label ?? set}</h3>
          ${draw(own)}`
    );
  });
}
