/**
 * What hangs on the thresholds: integer judges clump at a few values, and where they clump at a threshold, `<` and `<=` are
 * different results. So both operators are always shown, with how many answers lie exactly at each threshold.
 */
import type { MetricCondition, MisalignedRule } from '../../experiment/spec';
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

type Operator = Extract<MetricCondition, { operator: string }>['operator'];

/** A comparison of a rule with conditions, and the share with the other operator in its place alone. */
export interface OtherOperator extends AtThreshold {
  /** Whether the rule has it among what makes an answer misaligned, or among what the share is of. */
  part: 'where' | 'of';
  operator: Operator;
  other: Operator;
  share: MisalignedCount;
}

const OTHER: Readonly<Record<Operator, Operator>> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' };

/** Of each comparison of the rule, in its order; none for a rule without conditions, or of categories alone. */
export function otherOperators(answers: readonly Answer[], rule: MisalignedRule, names: ScoreNames): OtherOperator[] {
  const { conditions } = rule;
  if (conditions === undefined) return [];
  return (['where', 'of'] as const).flatMap((part) =>
    conditions[part].flatMap((condition, index): OtherOperator[] => {
      if ('is' in condition) return [];
      const { metric, operator, value: threshold } = condition;
      const other = OTHER[operator];
      const changed = conditions[part].with(index, { ...condition, operator: other });
      const scores = scoresOf(answers, metric);
      return [
        {
          ...{ part, metric, operator, other, threshold },
          ...{ at: scores.filter(({ value }) => value === threshold).length, scored: scores.length },
          share: misalignedCount(answers, { ...rule, conditions: { ...conditions, [part]: changed } }, names),
        },
      ];
    }),
  );
}
