/**
 * What an experiment will be able to show, in lines for `flamingo plan`.
 */
import type { PlannedPower, PricedLever } from '../report/power/plan-power';

/** Two lines for each claim, and for each figure and kind of questions. */
export function powerLines(power: readonly PlannedPower[]): string[] {
  if (power.length === 0) return [];
  const sources = [...new Set(power.map(({ spread }) => spread))];
  return [
    'What it can show with a probability of 80 %:',
    ...power.flatMap(linesOf),
    `  (spread of answers and questions: ${sources.join('; ')})`,
    ...(power.some(({ seeds }) => seeds > 1) ? [seedsLine(power)] : []),
    ...(power.some(({ estimator }) => estimator === 'question_mean')
      ? ['  (shares of misaligned answers are the mean of the questions’ shares, each with the same weight)']
      : []),
  ];
}

function seedsLine(power: readonly PlannedPower[]): string {
  const assumed = Math.max(...power.map(({ assumedOfSeeds }) => assumedOfSeeds ?? 0));
  return `  (of training seeds a standard deviation of ${assumed} points is assumed, not measured; where yours differ more, less can be shown)`;
}

/** Points: no difference is larger. */
const WHOLE_SCALE = 100;

function remedyOf(seeds: number): string {
  return seeds > 1 ? 'it takes more questions, or more seeds' : 'it takes more questions';
}

function linesOf({
  id,
  of,
  about,
  statistic,
  smallest,
  margin,
  questions,
  answers,
  seeds,
  halving,
}: PlannedPower): string[] {
  const whose = about === 'these' ? 'on these questions' : 'on questions like these';
  const size =
    `${questions} ${questions === 1 ? 'question' : 'questions'} × ` +
    `${Number(answers.toFixed(1))} ${answers === 1 ? 'answer' : 'answers'}` +
    (seeds > 1 ? ` × ${seeds} seeds` : '');
  const what = of === 'claim' ? `claim ${id}` : `figure ${id}, two bars`;
  if (smallest === null || smallest >= WHOLE_SCALE)
    return [`  ${what}: nothing ${whose} (${size}); ${remedyOf(seeds)}`];
  const effect = `${smallest.toFixed(1)} points`;
  const found =
    margin === null
      ? `a difference of ${effect} or more`
      : `a margin of ${effect}${smallest > margin ? `, while it claims one of ${Number(margin.toFixed(2))}: too few to show it,` : ''}`;
  const measure = statistic === 'mean' ? 'mean' : 'share';
  const levers = halving.map(leverText);
  return [
    `  ${what} (${measure}): ${found} ${whose} (${size})`,
    ...(levers.length === 0 ? [] : [`      half of that: ${levers.join(', or ')}`]),
  ];
}

function leverText({ what, from, to, usd }: PricedLever): string {
  const word = what === 'answers' ? 'answers each' : what;
  if (to === null) return `no number of ${word}`;
  const price = usd === null ? '' : ` (about $${usd.toFixed(2)} more of judging)`;
  return `${to.toLocaleString('en')} ${word} for ${Number(from.toFixed(1))}${price}`;
}
