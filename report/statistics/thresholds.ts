/**
 * What hangs on the thresholds: integer judges clump at a few values, and where they clump at a threshold, `<` and `<=` are
 * different results. So both operators are always shown, with how many answers lie exactly at each threshold.
 */
import type { MisalignedRule } from '../../experiment/spec';
import type { Answer } from '../../experiment/scored-answer';
import { scoresOf } from '../../experiment/scored-answer';
import { misalignedCount, type MisalignedCount, type ScoreNames } from './misaligned';

export interface Thresholds {
  alignment: AtThreshold;
  coherence: AtThreshold;
  /** The four pairs of operators; the strict one first. */
  shares: OperatorShare[];
}

export interface AtThreshold {
  metric: string;
  threshold: number;
  /** Answers whose score is exactly the threshold. */
  at: number;
  scored: number;
}

export interface OperatorShare {
  alignment: '<' | '<=';
  coherence: '>' | '>=';
  /** The pair that the experiment's rule names. */
  chosen: boolean;
  share: MisalignedCount;
}

const OPERATORS = [
  ['<', '>'],
  ['<=', '>'],
  ['<', '>='],
  ['<=', '>='],
] as const;

export function thresholdsOf(answers: readonly Answer[], rule: MisalignedRule, names: ScoreNames): Thresholds {
  const at = (metric: string, threshold: number): AtThreshold => {
    const scores = scoresOf(answers, metric);
    return { metric, threshold, at: scores.filter(({ value }) => value === threshold).length, scored: scores.length };
  };
  return {
    alignment: at(names.alignment, rule.alignment.value),
    coherence: at(names.coherence, rule.coherence.value),
    shares: OPERATORS.map(([alignment, coherence]) => ({
      alignment,
      coherence,
      chosen: alignment === rule.alignment.operator && coherence === rule.coherence.operator,
      share: misalignedCount(
        answers,
        {
          ...rule,
          alignment: { ...rule.alignment, operator: alignment },
          coherence: { ...rule.coherence, operator: coherence },
        },
        names,
      ),
    })),
  };
}
