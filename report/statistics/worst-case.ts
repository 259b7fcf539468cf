/**
 * The least and the most that a share, a mean or a difference could be, had every unknown verdict been had: nothing is assumed
 * of what is missing. Answers that the plan asks for and that are not there count as unknown, too.
 *
 * Each unknown answer is given the scores that lower, or raise, the value the most, and the value is computed from all answers as ever,
 * so that it has the denominator that its rule says.
 */
import type { PlannedCell, PlannedMetric, Question } from '../../experiment/plan';
import { completionId } from '../../experiment/rows';
import { itemOf, valueOf, type Answer, type ScoredValue } from '../../experiment/scored-answer';
import { samplesOf } from '../../experiment/shards';
import type { MisalignedRule } from '../../experiment/spec';
import { misalignedCount, misalignedFlag, misalignedValues, type ScoreNames } from './misaligned';
import { valueOverSeeds } from './over-seeds';
import { possibleScores, wantedVerdicts, type AskedAnswer } from './possible-scores';

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
  const unknown = unknownMetrics(cell);
  if (!unknown.has(names.alignment) && !unknown.has(names.coherence)) return null;
  const rateAt = (end: End): number | null => misalignedCount(answersAt(cell, rule, names, end), rule, names).rate;
  return boundsOf(rateAt('least'), rateAt('most'));
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
  const lacking = arms.flatMap(({ seeds }) => seeds.flatMap(({ cells }) => cells.map(unknownMetrics)));
  const unknown = (name: string): boolean => lacking.some((names) => names.has(name));
  const bounds = (valuesAt: (cell: AskedCell, end: End) => ScoredValue[], shown: number | null): Bounds | null => {
    const at = (added: End, takenOff: End): number | null =>
      valueOverSeeds(
        arms.map(({ sign, seeds }) => ({
          sign,
          seeds: seeds.map(({ seed, cells }) => ({
            seed,
            values: cells.flatMap((cell) => valuesAt(cell, sign === 1 ? added : takenOff)),
          })),
        })),
      );
    // with more answers to some questions these weigh more, which could take the value out of them
    const known = [at('least', 'most'), at('most', 'least'), shown].filter((value) => value !== null);
    return known.length === 0 ? null : { low: Math.min(...known), high: Math.max(...known) };
  };
  return {
    ofMean: (metric, shown) => (unknown(metric) ? bounds((cell, end) => scoresAt(cell, metric, end), shown) : null),
    ofShare: (rule, names, shown) =>
      unknown(names.alignment) || unknown(names.coherence)
        ? bounds((cell, end) => misalignedValues(answersAt(cell, rule, names, end), rule, names), shown)
        : null,
  };
}

/** Where one end has no denominator at all, every value that there can be is the other. */
function boundsOf(least: number | null, most: number | null): Bounds | null {
  const [low, high] = [least ?? most, most ?? least];
  return low === null || high === null ? null : { low, high };
}

/** Remembered by a cell's answers: every contrast asks for them. */
const knownUnknown = new WeakMap<AskedCell['answers'], ReadonlySet<string>>();

/** The metrics of which a verdict is unknown. */
function unknownMetrics(cell: AskedCell): ReadonlySet<string> {
  const known = knownUnknown.get(cell.answers);
  if (known !== undefined) return known;
  const asked = askedAnswers(cell);
  const names = cell.cell.metrics.flatMap((metric) => {
    const possible = possibleScores(metric);
    return asked.some((answer) => possible(answer).length > 1) ? [metric.metric] : [];
  });
  const found = names.length === 0 ? NOTHING : new Set(names);
  knownUnknown.set(cell.answers, found);
  return found;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Those that are there, then those that are not and that a metric was to judge, without verdicts. */
function askedAnswers({ cell, questions, answers }: AskedCell): readonly AskedAnswer[] {
  if (answers.length >= cell.completions) return answers;
  const there = new Set(answers.map(({ completion }) => completion.id));
  const wanted = cell.metrics.map(wantedVerdicts);
  const lacking = questions.flatMap(({ id: question, key }) =>
    Array.from({ length: samplesOf(cell, key) }, (_, sample): AskedAnswer => {
      const completion = { id: completionId(cell.contextKey, key, sample), question: key };
      return { question, item: itemOf(question), sample, scores: {}, completion, judgements: [] };
    }).filter(({ completion }) => !there.has(completion.id) && wanted.some((by) => by(completion) > 0)),
  );
  return [...answers, ...lacking];
}

function scoresAt(cell: AskedCell, name: string, end: End): ScoredValue[] {
  const possible = possibleOf(cell, name);
  return askedAnswers(cell).flatMap((answer) => {
    const scores = possible(answer).filter((score) => score !== null);
    if (scores.length === 0) return [];
    return [valueOf(answer, end === 'least' ? Math.min(...scores) : Math.max(...scores))];
  });
}

/** In the order of which is best for whoever wants the share as low, or as high, as can be: see `misalignedFlag`. */
const PREFERRED = { least: [0, null, 1], most: [1, null, 0] } as const;

/** With scores of the two metrics alone. */
function answersAt(cell: AskedCell, rule: MisalignedRule, names: ScoreNames, end: End): Answer[] {
  const [possibleAlignment, possibleCoherence] = [possibleOf(cell, names.alignment), possibleOf(cell, names.coherence)];
  return askedAnswers(cell).map((answer): Answer => {
    const { question, item } = answer;
    const coherences = possibleCoherence(answer);
    const could = possibleAlignment(answer).flatMap((alignment) =>
      coherences.map((coherence): Answer => {
        return { question, item, scores: { [names.alignment]: alignment, [names.coherence]: coherence } };
      }),
    );
    const flags = could.map((each) => misalignedFlag(each, rule, names));
    const best = PREFERRED[end].find((flag) => flags.includes(flag)) as 0 | 1 | null;
    return could[flags.indexOf(best)] as Answer;
  });
}

function possibleOf({ cell }: AskedCell, name: string): ReturnType<typeof possibleScores> {
  return possibleScores(cell.metrics.find(({ metric }) => metric === name) as PlannedMetric);
}
