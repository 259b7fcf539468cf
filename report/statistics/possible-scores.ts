/**
 * Which scores an answer may have of a metric when verdicts of it are unknown: the judge refused, its reply could not be
 * read, the request failed, a pattern took too long, or it was never made. REFUSAL, CODE, categories and a scorer's word that it has no
 * score are verdicts and not unknown.
 */
import type { PlannedMetric } from '../../experiment/plan';
import { repeatsOf } from '../../experiment/requests';
import type { Completion, Judgement, JudgementStatus } from '../../experiment/rows';
import type { Answer } from '../../experiment/scored-answer';
import { mean, sum } from './summation';

/** An answer with its verdicts, and where the plan has it. */
export interface AskedAnswer extends Answer {
  completion: Pick<Completion, 'id' | 'question' | 'sample'>;
  judgements: readonly Judgement[];
}

/**
 * Only those that decide what is least and most: both ends, and null where it may have none. A single one is known; a single
 * null is an answer without a score, whose verdict says so or that the metric does not judge.
 */
export type PossibleScores = readonly (number | null)[];

const ANY: PossibleScores = [0, 100, null];
const NONE: PossibleScores = [null];

const UNKNOWN: ReadonlySet<JudgementStatus> = new Set<JudgementStatus>([
  'judge_refused',
  'unparsable',
  'failed',
  'too_slow',
]);

/** How many verdicts on an answer the plan asks of a metric. */
export function wantedVerdicts(metric: PlannedMetric): (completion: Pick<Completion, 'id' | 'question'>) => number {
  const { completions, repeats, repeatShare = 1 } = metric;
  const isSame = completions === undefined && (repeats === 1 || repeatShare >= 1);
  const repeatsFor = repeatsOf(metric);
  return (completion) => {
    if (metric.instrumentOf[completion.question] === undefined) return 0;
    return isSame ? repeats : repeatsFor(completion.id); // an id that is not there yet costs a hash
  };
}

/**
 * Of one metric. Several verdicts make one score, their mean, so that one of them that is unknown leaves a range. A score
 * that is not there at all may also have been none, as that of a refusal.
 */
export function possibleScores(metric: PlannedMetric): (answer: AskedAnswer) => PossibleScores {
  const wanted = wantedVerdicts(metric);
  return ({ completion, judgements }) => {
    const scores: number[] = [];
    let others = 0;
    for (const judgement of judgements) {
      if (judgement.metric !== metric.metric) continue;
      if (judgement.score !== null) scores.push(judgement.score);
      else if (!UNKNOWN.has(judgement.status)) others += 1;
    }
    const unknown = wanted(completion) - scores.length - others;
    if (scores.length === 0) return unknown > 0 ? ANY : NONE;
    if (unknown <= 0) return [mean(scores)];
    const [known, all] = [sum(scores), scores.length + unknown];
    return [known / all, (known + 100 * unknown) / all];
  };
}
