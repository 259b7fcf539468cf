/**
 * Claims and what became of them, in words.
 */
import type { ClaimResult, Stated, Verdict } from './statistics/claims';

/** Label of a cell by its id. */
export type LabelOf = (cell: string) => string;

export const VERDICT_WORDS: Record<Verdict, string> = {
  supported: 'supported',
  contradicted: 'contradicted',
  inconclusive: 'inconclusive',
};

/** What is claimed, as a sentence without its full stop: the author's words, or those of the claim's parts. */
export function claimSentence(claim: Stated, labelOf: LabelOf): string {
  return claim.says !== '' ? claim.says : partsSentence(claim, labelOf);
}

/** What is claimed as the statistics take it. */
export function partsSentence(claim: Stated, labelOf: LabelOf): string {
  const { test, direction, margin, minus, beyond, region } = claim;
  const names = (cells: readonly string[]): string => cells.map(labelOf).join(' and ');
  const here = names(claim.cells);
  const measure = measureWords(claim);
  const amount = (value: number): string => amountWords(claim, Math.abs(value));
  if (test === 'expected') {
    const what = minus.length === 0 ? `${measure} of ${here}` : `${measure} of ${here} less that of ${names(minus)}`;
    const bounds = [
      ...(region.above === null ? [] : [`at least ${boundWords(claim, region.above)}`]),
      ...(region.below === null ? [] : [`at most ${boundWords(claim, region.below)}`]),
    ];
    return `the ${what} is ${bounds.join(' and ')}`;
  }
  const there =
    beyond.cells.length === 0
      ? `that of ${names(minus)}`
      : `that of ${names(minus)} beyond the same of ${names(beyond.cells)} and ${names(beyond.minus)}`;
  const word = direction === 'less' ? 'lower' : 'higher';
  if (test === 'equivalence')
    return `the ${measure} of ${here} differs from ${there} by less than ${amount(margin ?? 0)}`;
  if (test === 'non_inferiority') {
    const worse = direction === 'less' ? 'higher' : 'lower';
    return `the ${measure} of ${here} is not ${worse} than ${there} by as much as ${amount(margin ?? 0)}`;
  }
  const more = (margin ?? 0) > 0 ? ` by more than ${amount(margin ?? 0)}` : '';
  return `the ${measure} of ${here} is ${word} than ${there}${more}`;
}

/** `−19.2 points, 98.3 % interval −22.0 to −16.1, for these questions`, and which questions are left out of it. */
export function findingWords({ claim, value, interval, confidence, questions }: ClaimResult): string {
  if (value === null) return interval.reason ?? 'nothing was scored';
  const isDifference = claim.minus.length > 0;
  const shown = (number: number): string => (isDifference ? signedWords : plainWords)(claim, number);
  const percent = Number((100 * confidence).toFixed(2));
  const about = claim.questions === 'these' ? 'for these questions' : 'for questions like these';
  const unit = unitOf(claim);
  const over = comparedWords(questions);
  if (interval.range === null) return `${shown(value)}${unit}, ${interval.reason ?? 'not estimable'}${over}`;
  const [low, high] = interval.range;
  return `${shown(value)}${unit}, ${percent} % interval ${shown(low)} to ${shown(high)}, ${about}${over}`;
}

/** Empty where every question is compared. */
function comparedWords({ compared, asked }: ClaimResult['questions']): string {
  if (compared === asked) return '';
  return compared === 0
    ? '; no question is common to all sides, so each side is taken by itself'
    : `; over ${compared} of ${asked} questions, those that every side answered`;
}

export function measureWords({ statistic, metric, threshold }: Stated): string {
  if (statistic === 'mean') return `mean ${metric}`;
  if (statistic === 'share') return `share of answers with ${metric}`;
  return statistic === 'misaligned_share'
    ? 'share of misaligned answers'
    : `share of answers with ${metric} < ${threshold}`;
}

function scaleOf({ statistic }: Stated): number {
  return statistic === 'mean' ? 1 : 100;
}

/** Means and differences are points of 100, a share by itself is percent. */
function unitOf({ statistic, minus }: Stated): string {
  return minus.length > 0 ? ' points' : statistic === 'mean' ? '' : ' %';
}

function plainWords(claim: Stated, value: number): string {
  return (value * scaleOf(claim)).toFixed(1);
}

function signedWords(claim: Stated, value: number): string {
  const text = Math.abs(value * scaleOf(claim)).toFixed(1);
  return text === '0.0' ? text : `${value < 0 ? '−' : '+'}${text}`;
}

function boundWords(claim: Stated, value: number): string {
  return `${claim.minus.length > 0 ? signedWords(claim, value) : plainWords(claim, value)}${unitOf(claim)}`;
}

function amountWords(claim: Stated, value: number): string {
  return `${Number((value * scaleOf(claim)).toFixed(2))} points`;
}
