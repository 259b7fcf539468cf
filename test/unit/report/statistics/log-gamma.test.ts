import { logGamma } from '../../../../report/statistics/log-gamma';
import frozen from './frozen/frozen.json';

test.each(frozen.logGamma)('at %d (frozen SciPy value)', (x, expected) => {
  expect(Math.abs(logGamma(x) - expected)).toBeLessThan(2e-14 * Math.max(1, Math.abs(expected)));
});
