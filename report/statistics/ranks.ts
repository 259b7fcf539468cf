/**
 * How alike two orders are (Spearman). Ties share the middle of their ranks; all in O(n log n).
 */
import { sum } from './summation';

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
