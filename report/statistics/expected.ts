/**
 * How many verdicts the plan asks for: a metric may judge only some completions, and repeat only on a share of them.
 */
import type { Sha256 } from '../../experiment/canonical';
import type { PlannedCell, PlannedMetric, Question } from '../../experiment/plan';
import type { Completion } from '../../experiment/rows';
import { completionTasks } from '../../experiment/shards';

/** Verdicts that the plan asks of one completion, 0 when it is left out. */
export type RepeatsOf = (metric: PlannedMetric, completion: Sha256) => number;

export interface Asked {
  /** By question key; questions that the metric does not judge are not in it. */
  byQuestion: Map<Sha256, number>;
  /** Of a completion that is there. */
  of: (completion: Sha256) => number;
}

/**
 * `chosen` is needed where repeats go to a share of the completions, because it knows which; throws without it. The
 * completions of a given cell are those that are there.
 */
export function askedOf(
  planned: PlannedMetric,
  cell: PlannedCell,
  questions: readonly Question[],
  completions: readonly Completion[],
  chosen?: RepeatsOf,
): Asked {
  const { instrumentOf, repeats, repeatShare = 1 } = planned;
  if (chosen === undefined && repeatShare !== 1 && repeats > 1)
    throw new Error(`cell ${cell.id}: ${planned.metric} is repeated on a share of the answers, and nothing says which`);
  const only = planned.completions === undefined ? null : new Set(planned.completions);
  const times = (completion: Sha256): number => {
    if (only !== null && !only.has(completion)) return 0;
    return repeatShare === 1 || chosen === undefined ? repeats : chosen(planned, completion);
  };
  const judged = questions.filter(({ key }) => instrumentOf[key] !== undefined);
  const byQuestion = new Map(judged.map(({ key }) => [key, 0]));
  const add = (question: Sha256, count: number): void => {
    const before = byQuestion.get(question);
    if (before !== undefined) byQuestion.set(question, before + count);
  };
  if (cell.given === true) for (const { id, question } of completions) add(question, times(id));
  else if (only === null && repeatShare === 1)
    for (const { key } of judged) add(key, cell.samplesPerQuestion * repeats);
  else for (const { id, question } of completionTasks(cell, [...questions])) add(question.key, times(id));
  const questionOf = new Map(completions.map(({ id, question }) => [id, question]));
  return {
    byQuestion,
    of: (completion) => (byQuestion.has(questionOf.get(completion) ?? '') ? times(completion) : 0),
  };
}
