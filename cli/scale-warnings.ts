/**
 * Rubrics that seem to ask for no number from 0 to 100: every reply to one would be paid for, twice, and none be a score.
 */
import type { Plan } from '../experiment/plan';

/**
 * A warning for each metric, to be shown before anything is paid for. Only a doubt: a rubric may name its scale in words that
 * are not known here. `remedy`: how categories are given to a metric. Categories and Flamingo's own forms say what they ask.
 */
export function scaleWarnings(
  { instruments }: Pick<Plan, 'instruments'>,
  remedy: (metric: string, words: readonly string[]) => string,
): string[] {
  const doubtful = new Map<string, string>();
  for (const { metric, rubric, form, categories, parts } of Object.values(instruments)) {
    if (form !== undefined || categories !== undefined || parts !== undefined || namesScale(rubric)) continue;
    doubtful.set(metric, doubtful.get(metric) ?? rubric);
  }
  return [...doubtful].map(
    ([metric, rubric]) =>
      `The rubric of ${metric} does not seem to ask for a number from 0 to 100, and no other reply is a score. If one of ` +
      `certain words is the verdict, give them: ${remedy(metric, wordsIn(rubric))}`,
  );
}

function namesScale(rubric: string): boolean {
  return /100|hundred|per ?cent/i.test(rubric.normalize('NFKC'));
}

/** Words in capitals, which rubrics write verdicts in, but for marks such as [ANSWER START] and those that are none here. */
function wordsIn(rubric: string): string[] {
  const unmarked = rubric.replaceAll(/\[[^\]]*\]|<[^>]*>/g, ' ');
  const found = [...new Set(unmarked.match(/\b[A-Z][A-Z_]+\b/g))].filter(
    (word) => word !== 'CODE' && word !== 'REFUSAL',
  );
  return found.length >= 2 ? found : ['WORD', 'OTHER_WORD'];
}
