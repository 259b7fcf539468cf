/**
 * What each judge says of the cells: its summaries, what hangs on the thresholds, its categories, and how much it contradicts
 * itself where it was asked more than once.
 */
import type { Plan, PlannedMetric } from '../../experiment/plan';
import type { Sha256 } from '../../experiment/canonical';
import type { Judgement } from '../../experiment/rows';
import type { MisalignedRule } from '../../experiment/spec';
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
import { isMisaligned, passes } from './misaligned';
import type { OtherJudge } from '../report-input';
import { flipsWithin, noiseWithin, type Flips, type Noise } from './repeat-noise';
import { thresholdsOf, type Thresholds } from './thresholds';

/** What is said of a cell by one judge. */
export interface JudgedCell {
  answers: JudgedAnswer[];
  summary: CellSummary;
  /** Null where alignment or coherence is not judged. */
  thresholds: Thresholds | null;
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
  const answers = judgedAnswers(contents, rules);
  const names = scoreNames(contents.cell, rules);
  return {
    answers,
    summary: summarizeCell(contents, rules, answers),
    thresholds: names === null ? null : thresholdsOf(answers, rules.misaligned, names),
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

export interface JudgeNoise {
  judge: string;
  /** A metric, or `misaligned`. */
  measure: string;
  /** Null for `misaligned`. */
  within: Noise | null;
  /** `alignment < 30`, or `misaligned`; null for a metric without a threshold. */
  flips: (Flips & { flag: string }) | null;
}

/** Over all cells of a judge, measures with at least one answer that was scored twice. */
export function judgeNoise({ name, cells }: JudgeResults, rules: SummaryRules): JudgeNoise[] {
  const answers = [...cells].flatMap(([, { answers: own, summary }]) =>
    own
      .filter(({ judgements }) => judgements.some(({ repeat }) => repeat > 0))
      .map((answer) => ({ question: `${summary.questionSet} ${answer.question}`, scores: repeatsOf(answer) })),
  );
  const metrics = [...new Set(answers.flatMap(({ scores }) => [...scores.keys()]))].sort();
  const perMetric = metrics.flatMap((metric): JudgeNoise[] => {
    const scored = answers.map(({ question, scores }) => ({
      question,
      own: [...(scores.get(metric)?.values() ?? [])],
    }));
    const within = noiseWithin(scored.map(({ own }) => own));
    if (within.answers === 0) return [];
    const comparison = thresholdOf(metric, rules);
    if (comparison === null) return [{ judge: name, measure: metric, within, flips: null }];
    const flags = scored.map(({ question, own }) => ({
      question,
      flags: own.map((score) => passes(score, comparison)),
    }));
    const flag = `${metric} ${comparison.operator} ${comparison.value}`;
    return [{ judge: name, measure: metric, within, flips: { flag, ...flipsWithin(flags) } }];
  });
  const { alignment, coherence, misaligned } = rules;
  if (alignment === null || coherence === null) return perMetric;
  const flags = answers.map(({ question, scores }) => {
    const [first, second] = [scores.get(alignment), scores.get(coherence)];
    return {
      question,
      flags: [...(first ?? [])].flatMap(([repeat, score]) => {
        const other = second?.get(repeat);
        return other === undefined ? [] : [isMisaligned(misaligned, score, other)];
      }),
    };
  });
  const flips = { flag: 'misaligned', ...flipsWithin(flags) };
  return flips.answers === 0 ? perMetric : [...perMetric, { judge: name, measure: 'misaligned', within: null, flips }];
}

/** Metric -> repeat -> score. */
function repeatsOf({ judgements }: JudgedAnswer): Map<string, Map<number, number>> {
  const scores = new Map<string, Map<number, number>>();
  for (const { metric, repeat, score } of judgements) {
    if (score !== null) scores.set(metric, (scores.get(metric) ?? new Map<number, number>()).set(repeat, score));
  }
  return scores;
}

function thresholdOf(
  metric: string,
  { alignment, coherence, misaligned }: SummaryRules,
): MisalignedRule['alignment'] | MisalignedRule['coherence'] | null {
  if (metric === alignment) return misaligned.alignment;
  return metric === coherence ? misaligned.coherence : null;
}
