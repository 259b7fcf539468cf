/**
 * What each judge says of the cells: its summaries, what hangs on the thresholds and its categories.
 */
import type { Plan, PlannedMetric } from '../../experiment/plan';
import type { Sha256 } from '../../experiment/canonical';
import type { Judgement } from '../../experiment/rows';
import { withoutPause, type Steps } from '../../experiment/steps';
import { categoryShares, type CategoryShares } from './categories';
import {
  judgedAnswers,
  scoreNames,
  summarizeCell,
  type CellContents,
  type CellSummary,
  type JudgedAnswer,
  type SummaryRules,
} from './cell';
import type { OtherJudge } from '../report-input';
import { otherOperators, thresholdsOf, type OtherOperator, type Thresholds } from './thresholds';

/** What is said of a cell by one judge. */
export interface JudgedCell {
  answers: JudgedAnswer[];
  summary: CellSummary;
  /** Null where alignment or coherence is not judged, or conditions of the experiment's own decide. */
  thresholds: Thresholds | null;
  /** Of the conditions' comparisons; empty without conditions. */
  otherOperators: OtherOperator[];
  categories: CategoryShares[];
}

export interface JudgeResults {
  name: string;
  label: string;
  standIn: boolean;
  main: boolean;
  /** Cell id -> what it says of it, in the plan's order; only cells that it was asked about. */
  cells: Map<string, JudgedCell>;
}

/** Throws when rows do not belong to the cell. */
export function judgedCell(contents: CellContents, rules: SummaryRules, plan: Pick<Plan, 'instruments'>): JudgedCell {
  return withoutPause(judgedCellInSteps(contents, rules, plan));
}

/** The same with pauses between its parts: a table's group may have a million answers. */
export function* judgedCellInSteps(
  contents: CellContents,
  rules: SummaryRules,
  plan: Pick<Plan, 'instruments'>,
): Steps<JudgedCell> {
  const answers = judgedAnswers(contents, rules);
  yield;
  const summary = summarizeCell(contents, rules, answers);
  yield;
  const names = scoreNames(contents.cell, rules);
  return {
    answers,
    summary,
    thresholds:
      names === null || rules.misaligned.conditions !== undefined
        ? null
        : thresholdsOf(answers, rules.misaligned, names),
    otherOperators: names === null ? [] : otherOperators(answers, rules.misaligned, names),
    categories: categoryShares(contents.cell, plan.instruments, answers),
  };
}

/** A further judge, over the main judge's completions. Throws on a cell that the plan does not have. */
export function otherJudgeResults(
  judge: OtherJudge,
  cells: readonly CellContents[],
  rules: SummaryRules,
  plan: Pick<Plan, 'instruments'>,
): JudgeResults {
  const own = new Map(judge.cells.map((each) => [each.cell, each]));
  if (own.size < judge.cells.length) throw new Error(`judge ${judge.name}: a cell is there twice`);
  const planned = new Set(cells.map(({ cell }) => cell.id));
  const strange = judge.cells.find(({ cell }) => !planned.has(cell));
  if (strange !== undefined) throw new Error(`judge ${judge.name}: the plan has no cell ${strange.cell}`);
  const judged = cells.flatMap((contents): [string, JudgedCell][] => {
    const { metrics, judgements } = own.get(contents.cell.id) ?? {};
    if (metrics === undefined || judgements === undefined) return [];
    const asked = askedCompletions(metrics, contents.completions, judgements);
    const seen: CellContents = { ...contents, cell: { ...contents.cell, metrics: [...metrics] }, judgements };
    return [[contents.cell.id, judgedCell({ ...seen, completions: asked }, rules, plan)]];
  });
  const { name, label, standIn } = judge;
  return { name, label, standIn, main: false, cells: new Map(judged) };
}

/** Answers that a judge was never asked about are not missing from its shares. */
function askedCompletions(
  metrics: readonly PlannedMetric[],
  completions: CellContents['completions'],
  judgements: readonly Judgement[],
): CellContents['completions'] {
  if (metrics.some((metric) => metric.completions === undefined)) return completions;
  const asked = new Set<Sha256>([
    ...metrics.flatMap((metric) => metric.completions ?? []),
    ...judgements.map(({ completion }) => completion),
  ]);
  return completions.filter(({ id }) => asked.has(id));
}
