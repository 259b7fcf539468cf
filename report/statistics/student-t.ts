/**
 * Quantiles of Student's t distribution, from stdlib. Held against frozen values of SciPy and mpmath in
 * test/unit/report/statistics/student-t.test.ts.
 */
import type quantile from '@stdlib/stats-base-dists-t-quantile';

type Quantile = typeof quantile;

/** The `p` quantile (0 < p < 1) with `df` > 0 degrees of freedom. Throws `RangeError` where there is none. */
export function tQuantile(p: number, df: number): number {
  if (!(p > 0 && p < 1 && df > 0)) throw new RangeError(`no t quantile for p=${p}, df=${df}`);
  loaded ??= load();
  return loaded(p, df);
}

let loaded: Quantile | undefined;

/** It takes a tenth of a second to load its two hundred packages, so only a program that needs a quantile does so. */
function load(): Quantile {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- `import` loads at the start, `await import` makes every statistic wait
  return require('@stdlib/stats-base-dists-t-quantile') as Quantile;
}
