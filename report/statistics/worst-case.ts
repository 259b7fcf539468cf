/**
 * The least and the most that a share, a mean or a difference could be, had every unknown verdict been had: nothing is assumed
 * of what is missing. Answers that the plan asks for and that are not there count as unknown, too.
 *
 * Each unknown answer is given the scores that lower, or raise, the value the most, and the value is computed from all answers as ever,
 * so that it has the denominator that its rule says.
 */
import type { Sha256 } from '../../experiment/canonical';
import type { PlannedCell, PlannedMetric, Question } from '../../experiment/plan';
import { completionId } from '../../experiment/rows';
import { itemOfQuestion, scoresOf, valueOf, type Answer, type ScoredValue } from '../../experiment/scored-answer';
import { samplesOf } from '../../experiment/shards';
import type { MetricCondition, MisalignedConditions, MisalignedRule, ShareEstimator } from '../../experiment/spec';
import { groupBy } from './grouping';
import { rateOf } from './estimates';
import { holds, misalignedCount, misalignedFlag, misalignedValues, ruleMetrics, type ScoreNames } from './misaligned';
import { valueOverSeeds } from './over-seeds';
import { possibleScores, wantedVerdicts, type AskedAnswer, type PossibleScores } from './possible-scores';

/** On the scale of the value: scores 0-100, shares 0-1. */
export interface Bounds {
  low: number;
  high: number;
}

/** What a cell was to answer, and what of it is there. */
export interface AskedCell {
  cell: PlannedCell;
  questions: readonly Question[];
  answers: readonly AskedAnswer[];
}

type End = 'least' | 'most';

/** Of the misaligned share; null where nothing that it takes is unknown, or no answer could be in its denominator. */
export function misalignedBounds(cell: AskedCell, rule: MisalignedRule, names: ScoreNames): Bounds | null {
  const { metrics } = unknownOf(cell);
  if (!ruleMetrics(rule, names).some((metric) => metrics.has(metric))) return null;
  const rateAt = (end: End, by: MisalignedRule): number | null => rateOf(valuesAt(cell, by, names, end), by.estimator);
  const rates = rulesOf(rule).flatMap((by) => [rateAt('least', by), rateAt('most', by)]);
  const known = [...rates, misalignedCount(cell.answers, rule, names).rate].filter((rate) => rate !== null);
  return known.length === 0 ? null : { low: Math.min(...known), high: Math.max(...known) };
}

function widest(all: readonly (Bounds | null)[]): Bounds | null {
  const known = all.filter((bounds) => bounds !== null);
  if (known.length === 0) return null;
  return { low: Math.min(...known.map(({ low }) => low)), high: Math.max(...known.map(({ high }) => high)) };
}

/** Unknown answers decide which questions have enough coherent ones: bounds are those with and without that demand. */
function rulesOf(rule: MisalignedRule): MisalignedRule[] {
  const { minCoherentAnswers, ...all } = rule;
  return minCoherentAnswers === undefined ? [rule] : [rule, all];
}

/** Cells that are added or taken off, by the seeds that their models were trained under. */
export interface BoundedArm {
  sign: 1 | -1;
  seeds: readonly { seed: string; cells: readonly AskedCell[] }[];
}

/** Of a difference, or a difference of two. */
export interface CombinationBounds {
  /** `shown`: the value as it is, which the bounds always hold. Null where nothing that it takes is unknown. */
  ofMean(metric: string, shown: number | null): Bounds | null;
  /** Of misaligned shares. */
  ofShare(rule: MisalignedRule, names: ScoreNames, shown: number | null): Bounds | null;
}

/** What is added at its least less what is taken off at its most, and the other way. */
export function combinationBounds(arms: readonly BoundedArm[]): CombinationBounds {
  const lacking = arms.flatMap(({ seeds }) =>
    seeds.flatMap(({ cells }) => cells.map((cell) => unknownOf(cell).metrics)),
  );
  const unknown = (name: string): boolean => lacking.some((metrics) => metrics.has(name));
  const bounds = (
    valuesAt: (cell: AskedCell, end: End) => ScoredValue[],
    shown: number | null,
    estimator?: ShareEstimator,
  ): Bounds | null => {
    const at = (added: End, takenOff: End): number | null =>
      valueOverSeeds(
        arms.map(({ sign, seeds }) => ({
          sign,
          seeds: seeds.map(({ seed, cells }) => ({
            seed,
            values: cells.flatMap((cell) => valuesAt(cell, sign === 1 ? added : takenOff)),
          })),
        })),
        estimator,
      );
    // with more answers to some questions these weigh more, which could take the value out of them
    const known = [at('least', 'most'), at('most', 'least'), shown].filter((value) => value !== null);
    return known.length === 0 ? null : { low: Math.min(...known), high: Math.max(...known) };
  };
  return {
    ofMean: (metric, shown) => (unknown(metric) ? bounds((cell, end) => scoresAt(cell, metric, end), shown) : null),
    ofShare: (rule, names, shown) =>
      ruleMetrics(rule, names).some(unknown)
        ? widest(rulesOf(rule).map((by) => bounds((cell, end) => valuesAt(cell, by, names, end), shown, by.estimator)))
        : null,
  };
}

/** What is unknown of a cell's answers. */
interface Unknown {
  /** Metrics of which a verdict is unknown, of an answer that is there or of one that is not. */
  metrics: ReadonlySet<string>;
  /** By metric: the answers that are there, as far as their score is unknown, with the scores that they may have. */
  answers: ReadonlyMap<string, ReadonlyMap<AskedAnswer, PossibleScores>>;
}

/** By a cell's answers: every contrast asks for them, at both ends and for each metric. */
const remembered = new WeakMap<AskedCell['answers'], { cell: PlannedCell; unknown: Unknown }>();
const rememberedLacking = new WeakMap<AskedCell['answers'], { cell: PlannedCell; lacking: AskedAnswer[] }>();

function unknownOf(asked: AskedCell): Unknown {
  const { cell, answers } = asked;
  const last = remembered.get(answers);
  if (last?.cell === cell) return last.unknown;
  const unknown = findUnknown(asked);
  remembered.set(answers, { cell, unknown });
  return unknown;
}

const NOTHING: Unknown = { metrics: new Set(), answers: new Map() };

function findUnknown(cell: AskedCell): Unknown {
  const lacking = lackingAnswers(cell);
  const answers = new Map<string, Map<AskedAnswer, PossibleScores>>();
  const metrics = new Set<string>();
  for (const metric of cell.cell.metrics) {
    const possible = possibleScores(metric);
    const own = new Map<AskedAnswer, PossibleScores>();
    for (const answer of cell.answers) {
      const scores = possible(answer);
      if (scores.length > 1) own.set(answer, scores);
    }
    if (own.size > 0) answers.set(metric.metric, own);
    if (own.size > 0 || lacking.some((answer) => possible(answer).length > 1)) metrics.add(metric.metric);
  }
  return metrics.size === 0 ? NOTHING : { metrics, answers };
}

/** Answers that the plan asks for, that a metric was to judge and that are not there. */
function lackingAnswers(asked: AskedCell): AskedAnswer[] {
  const { cell, answers } = asked;
  const last = rememberedLacking.get(answers);
  if (last?.cell === cell) return last.lacking;
  const lacking = findLacking(asked);
  rememberedLacking.set(answers, { cell, lacking });
  return lacking;
}

function findLacking({ cell, questions, answers }: AskedCell): AskedAnswer[] {
  if (answers.length >= cell.completions) return [];
  const there = groupBy(answers, ({ completion }) => completion.question);
  const wanted = cell.metrics.map(wantedVerdicts);
  return questions.flatMap((asked) => {
    const { id: question, key } = asked;
    const samples = new Set((there.get(key) ?? []).map(({ completion }) => completion.sample));
    return Array.from({ length: samplesOf(cell, key) }, (_, sample) => sample).flatMap((sample): AskedAnswer[] => {
      if (samples.has(sample)) return [];
      const completion = new LackingCompletion(cell.contextKey, key, sample);
      if (!wanted.some((by) => by(completion) > 0)) return [];
      return [{ question, item: itemOfQuestion(asked), sample, scores: {}, completion, judgements: [] }];
    });
  });
}

/** Its id is a hash that only some metrics ask for. */
class LackingCompletion {
  constructor(
    private readonly context: Sha256,
    readonly question: Sha256,
    readonly sample: number,
  ) {}

  private known: Sha256 | undefined;

  get id(): Sha256 {
    return (this.known ??= completionId(this.context, this.question, this.sample));
  }
}

/**
 * What `known` makes of each answer whose scores of these metrics are all known, and `unknown` of any other, with the scores that it
 * may have by metric; then of those that are not there.
 */
function eachPossible<T>(
  cell: AskedCell,
  names: readonly string[],
  known: (answer: AskedAnswer) => T[],
  unknown: (answer: AskedAnswer, scores: PossibleScores[]) => T[],
): T[] {
  const found = names.map((name) => unknownOf(cell).answers.get(name));
  const present = cell.answers.flatMap((answer) => {
    const open = found.map((own) => own?.get(answer));
    if (open.every((scores) => scores === undefined)) return known(answer);
    return unknown(
      answer,
      open.map((scores, index) => scores ?? [answer.scores[names[index] as string] ?? null]),
    );
  });
  const possible = names.map((name) =>
    possibleScores(cell.cell.metrics.find(({ metric }) => metric === name) as PlannedMetric),
  );
  const lacking = lackingAnswers(cell).flatMap((answer) =>
    unknown(
      answer,
      possible.map((of) => of(answer)),
    ),
  );
  return [...present, ...lacking];
}

function scoresAt(cell: AskedCell, name: string, end: End): ScoredValue[] {
  return eachPossible(
    cell,
    [name],
    (answer) => scoresOf([answer], name),
    (answer, [possible = []]) => {
      const scores = possible.filter((score) => score !== null);
      if (scores.length === 0) return [];
      return [valueOf(answer, end === 'least' ? Math.min(...scores) : Math.max(...scores))];
    },
  );
}

/** In the order of which is best for whoever wants the share as low, or as high, as can be: see `misalignedFlag`. */
const PREFERRED = { least: [0, null, 1], most: [1, null, 0] } as const;

/** The values of a misaligned share, at its least or most. */
function valuesAt(cell: AskedCell, rule: MisalignedRule, names: ScoreNames, end: End): ScoredValue[] {
  const { conditions } = rule;
  if (conditions === undefined) return misalignedValues(answersAt(cell, rule, names, end), rule, names);
  const valued = (answer: Answer, flag: 0 | 1 | null): ScoredValue[] => (flag === null ? [] : [valueOf(answer, flag)]);
  const metrics = ruleMetrics(rule, names);
  return eachPossible(
    cell,
    metrics,
    (answer) => valued(answer, misalignedFlag(answer, rule, names)),
    (answer, scores) => {
      const open = new Set(metrics.filter((_, index) => (scores[index]?.length ?? 0) > 1));
      const flags = possibleFlags(answer, conditions, open);
      return valued(answer, PREFERRED[end].find((flag) => flags.includes(flag)) ?? null);
    },
  );
}

/** What an answer may count as where nothing is known of the metrics in `open`: whatever its other verdicts leave. */
function possibleFlags(
  answer: Answer,
  { where, of }: MisalignedConditions,
  open: ReadonlySet<string>,
): readonly (0 | 1 | null)[] {
  const known = (conditions: readonly MetricCondition[]) =>
    conditions.filter(({ metric }) => !open.has(metric)).map((condition) => holds(answer, condition));
  // a verdict that is there and says that it is a refusal or code stands, whatever the others would have been
  if ((answer.words?.declined ?? null) !== null) return [0, null];
  if (known(of).some((each) => each !== true) || known(where).includes(null)) return [null];
  return known(where).includes(false) ? [0, null] : [1, 0, null];
}

/** An answer of which something is unknown has scores of the two metrics alone. */
function answersAt(cell: AskedCell, rule: MisalignedRule, names: ScoreNames, end: End): Answer[] {
  return eachPossible<Answer>(
    cell,
    [names.alignment, names.coherence],
    (answer) => [answer],
    ({ question, item }, [alignments = [], coherences = []]) => {
      const could = alignments.flatMap((alignment) =>
        coherences.map((coherence): Answer => {
          return { question, item, scores: { [names.alignment]: alignment, [names.coherence]: coherence } };
        }),
      );
      const flags = could.map((each) => misalignedFlag(each, rule, names));
      const best = PREFERRED[end].find((flag) => flags.includes(flag)) as 0 | 1 | null;
      return [could[flags.indexOf(best)] as Answer];
    },
  );
}
