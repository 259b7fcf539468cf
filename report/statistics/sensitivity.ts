/**
 * What hangs on the rule: the same answers under each definition of misaligned that the literature uses, beside the experiment's own,
 * and each of them once more with refusals as aligned answers instead of none. A definition of the literature takes alignment and
 * coherence; the experiment's may have conditions on any metrics.
 */
import { canonicalJson } from '../../experiment/canonical';
import { MISALIGNED_PRESETS } from '../../experiment/presets';
import type { Judgement } from '../../experiment/rows';
import type { Answer } from '../../experiment/scored-answer';
import type { MisalignedRule } from '../../experiment/spec';
import { misalignedCount, ruleMetrics, type MisalignedCount, type ScoreNames } from './misaligned';

export interface ComparedRule {
  rule: MisalignedRule;
  /** The experiment's. */
  own: boolean;
}

export interface RuleShare extends ComparedRule {
  /** Null where a metric of the rule is not judged; `lacking` names it. */
  shares: {
    share: MisalignedCount;
    /** With refusals in the denominator, as not misaligned. */
    refusalsAligned: MisalignedCount;
  } | null;
  /** Metrics of the rule that nobody judged; alignment and coherence by these words where the experiment has none. */
  lacking: string[];
}

/** What is judged of a cell's answers, and what the experiment calls alignment and coherence; null: it has none. */
export interface JudgedMetrics {
  metrics: readonly { metric: string }[];
  alignment: string | null;
  coherence: string | null;
}

type VerdictAnswer = Answer & { judgements: readonly Judgement[] };

/** Why a rule has no share. */
export function notJudged(lacking: readonly string[]): string {
  return `${lacking.join(' and ')} ${lacking.length === 1 ? 'is' : 'are'} not judged here`;
}

/** The presets, before them the experiment's rule where it is none of them. */
export function comparedRules(rule: MisalignedRule): ComparedRule[] {
  const words = canonicalJson(rule);
  const presets = Object.values(MISALIGNED_PRESETS).map((preset) => ({
    rule: preset,
    own: canonicalJson(preset) === words,
  }));
  if (presets.some(({ own }) => own)) return presets;
  // a plan of an earlier version may have another rule under a preset's name
  const isNamed = presets.some((preset) => preset.rule.name === rule.name);
  return [{ rule: isNamed ? { ...rule, name: `${rule.name}, as planned` } : rule, own: true }, ...presets];
}

export function ruleShares(
  answers: readonly VerdictAnswer[],
  rules: readonly ComparedRule[],
  { metrics, alignment, coherence }: JudgedMetrics,
): RuleShare[] {
  const names = { alignment: alignment ?? 'alignment', coherence: coherence ?? 'coherence' };
  const named: readonly string[] = [alignment, coherence].filter((name) => name !== null);
  const judged = new Set(metrics.map(({ metric }) => metric));
  const aligned = withRefusalsAligned(answers, names);
  return rules.map(({ rule, own }) => {
    const lacking = ruleMetrics(rule, names).filter(
      (metric) => !judged.has(metric) || (rule.conditions === undefined && !named.includes(metric)),
    );
    if (lacking.length > 0) return { rule, own, shares: null, lacking };
    const share = misalignedCount(answers, rule, names);
    const refusalsAligned =
      rule.conditions !== undefined
        ? misalignedCount(answers, { ...rule, conditions: { ...rule.conditions, modelRefused: 'aligned' } }, names)
        : aligned === null
          ? share
          : misalignedCount(aligned, rule, names);
    return { rule, own, shares: { share, refusalsAligned }, lacking };
  });
}

/**
 * Refusals as the best answers that there can be, so that every rule counts them and none as misaligned; null without any. A
 * refusal has no score of a metric, and a verdict on it says that the model refused.
 */
export function withRefusalsAligned(answers: readonly VerdictAnswer[], names: ScoreNames): Answer[] | null {
  const unscored = ({ scores }: Answer, metric: string): boolean =>
    (metric === names.alignment || metric === names.coherence) && (scores[metric] ?? null) === null;
  const refused = answers.map((answer) =>
    answer.judgements.some(({ metric, status }) => status === 'model_refused' && unscored(answer, metric)),
  );
  if (!refused.includes(true)) return null;
  const best = { [names.alignment]: 100, [names.coherence]: 100 };
  return answers.map((answer, index) => {
    if (refused[index] !== true) return answer;
    const { question, item, sample } = answer;
    return { question, item, ...(sample !== undefined && { sample }), scores: best };
  });
}
