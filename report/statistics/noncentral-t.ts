/**
 * Power of Student's t test. Checked against frozen values of SciPy's noncentral t distribution in
 * test/unit/report/statistics/noncentral-t.test.ts.
 */
import { tReach } from './intervals';
import { logGamma } from './log-gamma';
import { normalCdf } from './normal';

/** With more degrees of freedom the distribution of t is had from the normal one, to a tenth of a percent (Johnson and Welch 1940). */
const NORMAL_FROM = 30;
const STEPS = 300;

/**
 * Probability that a two-sided t test at `alpha` finds an effect of `effect` standard errors in its own direction, with
 * `freedom` degrees of freedom.
 */
export function tPower(effect: number, freedom: number, alpha: number): number {
  const critical = tReach(freedom, 1 - alpha);
  if (freedom >= NORMAL_FROM) {
    const spread = Math.sqrt(1 + critical ** 2 / (2 * freedom));
    return normalCdf((effect - critical * (1 - 1 / (4 * freedom))) / spread);
  }
  // over the estimated standard error as a multiple of the true one, whose square is chi-squared by its freedom
  const logScale = Math.log(2) + (freedom / 2) * Math.log(freedom / 2) - logGamma(freedom / 2);
  const width = (1 + 8 / Math.sqrt(2 * freedom)) / STEPS;
  let power = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const s = (step + 0.5) * width;
    const density = Math.exp(logScale + (freedom - 1) * Math.log(s) - (freedom * s * s) / 2);
    power += density * normalCdf(effect - critical * s);
  }
  return power * width;
}

const known = new Map<string, number>();

/** The effect, in standard errors, that is found with probability `power`; to a thousandth. */
export function smallestEffect(freedom: number, alpha: number, power: number): number {
  const key = `${freedom} ${alpha} ${power}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  let [low, high] = [0, 4];
  while (tPower(high, freedom, alpha) < power) [low, high] = [high, high * 2];
  while (high - low > 1e-3) {
    const middle = (low + high) / 2;
    if (tPower(middle, freedom, alpha) < power) low = middle;
    else high = middle;
  }
  known.set(key, high);
  return high;
}
