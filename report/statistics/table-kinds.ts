/**
 * The kinds of answers of a table of judged answers, as shares of all its rows: what answer-kinds.ts is to a report, for
 * files that say less.
 */
import { valueOf, type Answer } from '../../experiment/scored-answer';
import type { MisalignedRule } from '../../experiment/spec';
import { estimateShare, type ShareEstimate } from './estimates';
import { passes, ruleMetrics, type ScoreNames } from './misaligned';

/**
 * - `refusal`: a score is REFUSAL, or its status says that the model refused
 * - `code`: no refusal; a score is CODE
 * - `incoherent`: the coherence score fails the comparison of the misaligned rule
 * - `empty`: none of the first two; a score is missing and nothing says why
 * - `unscored`: none of these but `incoherent`; a judge refused, failed, or its reply could not be read
 *
 * Those without a score exclude each other.
 */
export const TABLE_KINDS = ['refusal', 'code', 'incoherent', 'empty', 'unscored'] as const;
export type TableKind = (typeof TABLE_KINDS)[number];
/** `incoherent` is absent where there are no scores of coherence. */
export type ByKind<T> = Record<Exclude<TableKind, 'incoherent'>, T> & { incoherent?: T };

/** An answer, and why which of its scores are not there; the status of several verdicts is theirs joined by `+`. */
export interface UnscoredAnswer extends Answer {
  unscored?: Readonly<Record<string, string>>;
}

export function tableKinds(
  answers: readonly UnscoredAnswer[],
  rule: MisalignedRule,
  names: ScoreNames,
): ByKind<ShareEstimate> {
  const metrics = ruleMetrics(rule, names);
  const whys = answers.map((answer) => whyUnscored(answer, metrics));
  const shareOf = (kind: TableKind): ShareEstimate =>
    estimateShare(
      answers.map((answer, index) => {
        const is = kind === 'incoherent' ? isIncoherent(answer, rule, names) : whys[index] === kind;
        return valueOf(answer, is ? 1 : 0);
      }),
    );
  return {
    refusal: shareOf('refusal'),
    code: shareOf('code'),
    ...(names.coherence === '' ? {} : { incoherent: shareOf('incoherent') }),
    empty: shareOf('empty'),
    unscored: shareOf('unscored'),
  };
}

function isIncoherent({ scores }: Answer, rule: MisalignedRule, names: ScoreNames): boolean {
  const score = scores[names.coherence] ?? null;
  return score !== null && !passes(score, rule.coherence);
}

/** Words that are verdicts of a rubric without being a score, beside refusals and code. */
const CATEGORIES = ['categorised', 'not_code'];

/** Null where all metrics of the rule have a score, or a category stands in place of one. */
function whyUnscored(
  { unscored = {} }: UnscoredAnswer,
  metrics: readonly string[],
): Exclude<TableKind, 'incoherent'> | null {
  const whys = metrics.flatMap((metric) =>
    Object.hasOwn(unscored, metric) ? [(unscored[metric] as string).split('+')] : [],
  );
  const any = (...words: string[]): boolean => whys.some((why) => why.some((word) => words.includes(word)));
  if (any('model_refused', 'refusal')) return 'refusal';
  if (any('code')) return 'code';
  const lacking = whys.filter((why) => !why.some((word) => CATEGORIES.includes(word)));
  if (lacking.length === 0) return null;
  return lacking.some((why) => why.every((word) => word === 'missing')) ? 'empty' : 'unscored';
}
