/**
 * Power of Student's t test. Checked against frozen values of SciPy's noncentral t distribution in
 * test/unit/report/statistics/noncentral-t.test.ts.
 */
import { logGamma } from './log-gamma';
import { normalCdf, normalQuantile } from './normal';
import { tQuantile } from './student-t';

/** With more degrees of freedom t is normal, to a hundredth of a percent. */
const NORMAL_FROM = 5_000;
const STEPS = 2_000;

/**
 * Probability that a two-sided t test at `alpha` finds an effect of `effect` standard errors in its own direction, with
 * `freedom` degrees of freedom.
 */
export function tPower(effect: number, freedom: number, alpha: number): number {
  if (freedom > NORMAL_FROM) return normalCdf(effect - normalQuantile(1 - alpha / 2));
  const critical = tQuantile(1 - alpha / 2, freedom);
  // over the estimated standard error as a multiple of the true one, whose square is chi-squared by its freedom
  const logScale = Math.log(2) + (freedom / 2) * Math.log(freedom / 2) - logGamma(freedom / 2);
  const most = 1 + 12 / Math.sqrt(2 * freedom) + 4 / freedom;
  const width = most / STEPS;
  let power = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const s = (step + 0.5) * width;
    const density = Math.exp(logScale + (freedom - 1) * Math.log(s) - (freedom * s * s) / 2);
    power += density * normalCdf(effect - critical * s);
  }
  return power * width;
}

/** The effect, in standard errors, that is found with probability `power`. */
export function smallestEffect(freedom: number, alpha: number, power: number): number {
  let [low, high] = [0, 1];
  while (tPower(high, freedom, alpha) < power) high *= 2;
  while (high - low > 1e-6 * high) {
    const middle = (low + high) / 2;
    if (tPower(middle, freedom, alpha) < power) low = middle;
    else high = middle;
  }
  return high;
}
