/**
 * CSV tables of what answers are beside their scores: the share of each kind, and the misaligned share under each rule.
 */
import { comparedRules, notJudged, ruleShares } from '../statistics/sensitivity';
import { csvChunks, INTERVAL_COLUMNS, intervals, type Field } from './csv';
import type { ReportFile, ReportInput } from '../report-input';
import type { Results } from '../results';

/** `sensitivity.csv` only where a rule finds what it takes. */
export function outcomeTables({ spec }: Pick<ReportInput, 'spec'>, results: Results): ReportFile[] {
  const { report: rules } = spec;
  const ruled = ruleRows(results, rules).next().done !== true;
  return [
    { path: 'outcomes.csv', content: csvChunks(OUTCOME_COLUMNS, () => outcomeRows(results)) },
    ...(ruled ? [{ path: 'sensitivity.csv', content: csvChunks(RULE_COLUMNS, () => ruleRows(results, rules)) }] : []),
  ];
}

type Rules = ReportInput['spec']['report'];

const OUTCOME_COLUMNS = [
  ...['cell', 'configuration', 'question_set', 'condition', 'kind', 'share', ...INTERVAL_COLUMNS],
  ...['questions', 'items', 'hits', 'n'],
];

/** One row per cell and kind. */
function* outcomeRows({ cells }: Results): Generator<Field[]> {
  for (const { cell, kinds } of cells) {
    const names = [cell.id, cell.configuration, cell.questionSet, cell.condition];
    for (const { kind, share } of kinds)
      yield [
        ...[...names, kind, share.rate, ...intervals(share)],
        ...[share.questions, share.items, share.count, share.denominator],
      ];
  }
}

const RULE_COLUMNS = [
  ...['judge', 'cell', 'rule', 'own', 'alignment_operator', 'alignment_threshold'],
  ...['coherence_operator', 'coherence_threshold', 'denominator', 'estimator'],
  ...['min_coherent_answers', 'misaligned', 'hits', 'n'],
  ...['misaligned_refusals_aligned', 'hits_refusals_aligned', 'n_refusals_aligned', 'reason'],
];

/** One row per judge, cell and rule; `reason` says why one has no share. Operators and thresholds are those of rules without conditions. */
function* ruleRows({ judges, cells }: Results, rules: Rules): Generator<Field[]> {
  const compared = comparedRules(rules.misaligned);
  const { alignment, coherence } = rules;
  for (const judge of judges)
    for (const { cell } of cells) {
      const judged = judge.cells.get(cell.id);
      if (judged == null) continue;
      const { metrics } = judged.summary;
      const all = ruleShares(judged.answers, compared, { metrics, alignment, coherence });
      if (all.every(({ shares }) => shares === null)) continue;
      for (const { rule, own, shares, lacking } of all) {
        const hasTwo = rule.conditions === undefined;
        yield [
          ...[judge.name, cell.id, rule.name, own ? 'yes' : 'no'],
          ...(hasTwo
            ? [rule.alignment.operator, rule.alignment.value, rule.coherence.operator, rule.coherence.value]
            : [null, null, null, null]),
          ...[hasTwo ? rule.denominator : null, rule.estimator ?? 'pooled', rule.minCoherentAnswers],
          ...[shares?.share.rate, shares?.share.count, shares?.share.denominator],
          ...[shares?.refusalsAligned.rate, shares?.refusalsAligned.count, shares?.refusalsAligned.denominator],
          lacking.length === 0 ? null : notJudged(lacking),
        ];
      }
    }
}
