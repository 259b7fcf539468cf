/**
 * The exact sign-flip test: whether values lie around 0, without a word on how they are distributed.
 */

/** Values up to which all signs are tried; with more of them Student's t needs no such check. */
export const MOST_FLIPPED = 20;

/**
 * The share of all assignments of signs whose sum is at least as far from 0 as the values' own. Two-sided; 1 / 2^(n-1) at the
 * least. Null with more than `MOST_FLIPPED` values. Throws `RangeError` without values.
 */
export function signFlip(values: readonly number[]): number | null {
  if (values.length === 0) throw new RangeError('no signs of no values');
  if (values.length > MOST_FLIPPED) return null;
  const own = Math.abs(values.reduce((total, value) => total + value, 0));
  const slack = 1e-9 * values.reduce((total, value) => total + Math.abs(value), 0);
  const signs = values.map(() => 1);
  let sum = values.reduce((total, value) => total + value, 0);
  let far = 0;
  // in the order of a Gray code one sign changes at a time; the last value's never does, since the other half mirrors this one
  const half = 2 ** (values.length - 1);
  for (let step = 1; ; step += 1) {
    if (Math.abs(sum) >= own - slack) far += 1;
    if (step === half) return far / half;
    const place = 31 - Math.clz32(step & -step);
    sum -= 2 * (signs[place] as number) * (values[place] as number);
    signs[place] = -(signs[place] as number);
  }
}
