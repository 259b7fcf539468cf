/**
 * CSV tables of what answers are beside their scores: the share of each kind, and the misaligned share under each rule.
 */
import { answerKinds } from '../statistics/answer-kinds';
import { scoreNames } from '../statistics/cell';
import { comparedRules, ruleShares } from '../statistics/sensitivity';
import { csvChunks, INTERVAL_COLUMNS, intervals, type Field } from './csv';
import type { ReportFile, ReportInput } from '../report-input';
import type { Results } from '../results';

/** `sensitivity.csv` only where alignment and coherence are judged. */
export function outcomeTables({ spec }: Pick<ReportInput, 'spec'>, results: Results): ReportFile[] {
  const { report: rules } = spec;
  const ruled = results.cells.some(({ cell }) => scoreNames(cell, rules) !== null);
  return [
    { path: 'outcomes.csv', content: csvChunks(OUTCOME_COLUMNS, () => outcomeRows(results, rules)) },
    ...(ruled ? [{ path: 'sensitivity.csv', content: csvChunks(RULE_COLUMNS, () => ruleRows(results, rules)) }] : []),
  ];
}

type Rules = ReportInput['spec']['report'];

const OUTCOME_COLUMNS = [
  ...['cell', 'configuration', 'question_set', 'condition', 'kind', 'share', ...INTERVAL_COLUMNS],
  ...['questions', 'items', 'hits', 'n'],
];

/** One row per cell and kind. */
function* outcomeRows({ cells }: Results, rules: Rules): Generator<Field[]> {
  for (const { cell, answers } of cells) {
    const names = [cell.id, cell.configuration, cell.questionSet, cell.condition];
    for (const { kind, share } of answerKinds({ cell, answers }, rules))
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
  ...['misaligned_refusals_aligned', 'hits_refusals_aligned', 'n_refusals_aligned'],
];

/** One row per judge, cell and rule. */
function* ruleRows({ judges, cells }: Results, rules: Rules): Generator<Field[]> {
  const compared = comparedRules(rules.misaligned);
  const { alignment, coherence } = rules;
  if (alignment === null || coherence === null) return;
  for (const judge of judges)
    for (const { cell } of cells) {
      const judged = judge.cells.get(cell.id);
      if (judged == null || judged.thresholds === null) continue;
      for (const { rule, own, share, refusalsAligned } of ruleShares(judged.answers, compared, {
        alignment,
        coherence,
      }))
        yield [
          ...[judge.name, cell.id, rule.name, own ? 'yes' : 'no', rule.alignment.operator, rule.alignment.value],
          ...[rule.coherence.operator, rule.coherence.value, rule.denominator],
          ...[rule.estimator ?? 'pooled', rule.minCoherentAnswers],
          ...[share.rate, share.count, share.denominator],
          ...[refusalsAligned.rate, refusalsAligned.count, refusalsAligned.denominator],
        ];
    }
}
