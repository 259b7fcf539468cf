/**
 * The tiny random model for tests.
 */
import { existsSync } from 'node:fs';
import { TINY_MODEL } from '../../bench/tiny-model';

export { makeTinyModel } from '../../bench/tiny-model';

/** Its folder; `makeTinyModel` must have run (a test's own set-up does it). */
export function tinyModel(): string {
  if (!existsSync(TINY_MODEL)) throw new Error(`${TINY_MODEL} is missing: run the tests through npm test`);
  return TINY_MODEL;
}
