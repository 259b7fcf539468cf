/**
 * Statistics of ranks: how well scores separate two groups (AUC), and how alike two orders are (Spearman). Ties share the
 * middle of their ranks; all in O(n log n).
 */
import { estimated, Z975, type Interval } from './intervals';
import { sum } from './summation';

export interface Separation {
  /**
   * Probability that a random member of the high group scores above one of the low group, ties counted half
   * (Mann-Whitney); 1 = apart, 0.5 = no separation. Null when a group is empty.
   */
  auc: number | null;
  /**
   * 95 %, Newcombe's method 5 (Statistics in Medicine 25:559-573, 2006): score-based, so it has a width at 0 and 1 too. It
   * takes all values as independent.
   */
  ci95: Interval;
  low: number;
  high: number;
}

export function separation(low: readonly number[], high: readonly number[]): Separation {
  const sizes = { low: low.length, high: high.length };
  if (low.length === 0 || high.length === 0) {
    return { auc: null, ci95: { range: null, reason: 'a group without scores' }, ...sizes };
  }
  const ranks = midranks([...high, ...low]);
  const rankSum = ranks.slice(0, high.length).reduce((total, rank) => total + rank, 0);
  const pairs = low.length * high.length;
  const auc = (rankSum - (high.length * (high.length + 1)) / 2) / pairs;
  const around = (low.length + high.length) / 2 - 1;
  const deviation = (theta: number): number =>
    Math.sqrt(((theta * (1 - theta)) / pairs) * (1 + around * ((1 - theta) / (2 - theta) + theta / (1 + theta))));
  const range: [number, number] = [
    auc === 0 ? 0 : boundary(0, auc, (theta) => theta + Z975 * deviation(theta) < auc),
    auc === 1 ? 1 : boundary(auc, 1, (theta) => theta - Z975 * deviation(theta) < auc),
  ];
  return { auc, ci95: estimated(range), ...sizes };
}

/** Where `below` turns false between `low` and `high`, by bisection. */
function boundary(low: number, high: number, below: (value: number) => boolean): number {
  let [from, to] = [low, high];
  for (let round = 0; round < 60; round += 1) {
    const middle = (from + to) / 2;
    if (below(middle)) from = middle;
    else to = middle;
  }
  return (from + to) / 2;
}

/** Rank of each value from 1, the middle one for equals. */
export function midranks(values: readonly number[]): number[] {
  const order = Uint32Array.from(values.keys()).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end += 1;
    for (let at = start; at < end; at += 1) ranks[order[at] as number] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/** Spearman's rank correlation of pairs, -1 to 1; null with fewer than two pairs or where one side is constant. */
export function spearman(pairs: readonly (readonly [number, number])[]): number | null {
  const centred = (side: 0 | 1): number[] => {
    const middle = (pairs.length + 1) / 2;
    return midranks(pairs.map((pair) => pair[side])).map((rank) => rank - middle);
  };
  const [first, second] = [centred(0), centred(1)];
  const product = (a: readonly number[], b: readonly number[]): number =>
    sum(a.map((value, index) => value * (b[index] as number)));
  const scale = Math.sqrt(product(first, first) * product(second, second));
  return scale === 0 ? null : product(first, second) / scale;
}
