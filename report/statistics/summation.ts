/**
 * Sums, means and standard deviations that do not depend on the order of their inputs: they run over sorted values.
 */

/** Values up to which sorting by insertion takes less than making an array to sort. */
const FEW = 12;

export function sum(values: readonly number[]): number {
  const sorted = values.length < 3 ? values : inOrder(values); // two have one sum in either order
  let total = 0;
  for (let index = 0; index < sorted.length; index++) total += sorted[index] as number;
  return total;
}

function inOrder(values: readonly number[]): ArrayLike<number> {
  if (values.length > FEW) return new Float64Array(values).sort();
  const sorted = values.slice();
  for (let index = 1; index < sorted.length; index++) {
    const value = sorted[index] as number;
    let place = index;
    for (; place > 0 && (sorted[place - 1] as number) > value; place--) sorted[place] = sorted[place - 1] as number;
    sorted[place] = value;
  }
  return sorted;
}

/** Throws `RangeError` without values: there is no mean of nothing. */
export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no mean of no values');
  return sum(values) / values.length;
}

/** Null without values. */
export function meanOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : mean(values);
}

/** Standard deviation with n - 1. Throws `RangeError` with fewer than two values. */
export function sd(values: readonly number[]): number {
  if (values.length < 2) throw new RangeError(`no standard deviation of ${values.length} values`);
  const centre = mean(values);
  return Math.sqrt(sum(values.map((value) => (value - centre) ** 2)) / (values.length - 1));
}
