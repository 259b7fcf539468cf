/**
 * Answers that the store has of a plan already, as a pilot: how they and their questions differ.
 */
import { eachContext } from '../../artifacts/contexts';
import type { Store } from '../../artifacts/store';
import type { Plan } from '../../experiment/plan';
import type { Answer } from '../../experiment/scored-answer';
import type { Spec } from '../../experiment/spec';
import { judgedInput } from '../gather/judges';
import type { ReportRows } from '../gather/report-rows';
import { judgedAnswers } from '../statistics/cell';
import { statisticValues } from '../statistics/claims';
import type { PilotOf } from './plan-power';
import { spreadOf } from './spreads';

/** Completions of a cell up to which its answers are read; what they tell is known well before. */
const MOST_READ = 20_000;

/** `isThere`: whether the store has verdicts of a cell. Only cells that `wanted` names are read. */
export async function pilots(
  store: Store,
  plan: Plan,
  spec: Spec,
  wanted: ReadonlySet<string>,
  isThere: (cell: string) => boolean,
): Promise<PilotOf> {
  const planned = plan.configurations.flatMap(({ cells }) => cells);
  const read = planned.filter(({ id, completions }) => wanted.has(id) && isThere(id) && completions <= MOST_READ);
  const rows: ReportRows[] = [];
  await eachContext(store, plan, read, ({ cells }) => void rows.push(...cells));
  const answers = new Map<string, readonly Answer[]>(
    judgedInput(plan, spec, rows).cells.map((contents) => [contents.cell.id, judgedAnswers(contents, spec.report)]),
  );
  return (statement) => {
    const valuesOf = (cells: readonly string[]) =>
      cells.flatMap((cell) => statisticValues(statement, answers.get(cell) ?? [], spec.report));
    const found = spreadOf(valuesOf(statement.cells), valuesOf(statement.minus));
    return found === null ? null : { ...found, source: 'the answers that the store has already' };
  };
}
