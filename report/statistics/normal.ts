/**
 * The standard normal distribution. Checked against frozen values of SciPy in test/unit/report/statistics/normal.test.ts.
 */

/** Probability below `z`; right to 1e-15 for |z| < 6. */
export function normalCdf(z: number): number {
  if (Math.abs(z) > 8) return z < 0 ? 0 : 1;
  // the series of the integral from 0; it converges everywhere, and fast where anything is left to be told
  let term = z;
  let total = z;
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(total); k += 1) {
    term *= (z * z) / (2 * k + 1);
    total += term;
  }
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  return Math.min(1, Math.max(0, 0.5 + density * total));
}

/** The `p` quantile, 1e-8 < p < 1 - 1e-8. */
export function normalQuantile(p: number): number {
  if (!(p > 1e-8 && p < 1 - 1e-8)) throw new RangeError(`no normal quantile for p=${p}`);
  let [low, high] = [-6, 6];
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
}
