/**
 * The parts of the judge benchmark, and which of them were asked for.
 */
import { InvalidOptions, type Options } from '../options';
import { h1, h1Defaults } from './fan-out';
import { h2, h2FourWorkers, h2Peers } from './limits';
import { h3, h3Peers } from './kills';
import { h4 } from './batch-kills';
import { h5 } from './partial-failure';
import { h6 } from './rerun';
import { memory } from './memory';
import type { Part } from './part';

export const PARTS: readonly Part[] = [
  h1,
  h1Defaults,
  ...h2,
  ...h2FourWorkers,
  ...h2Peers,
  ...h3,
  h3Peers,
  ...h4,
  h5,
  h6,
  memory,
];

/**
 * `--only` names parts, or a group (`h2`: `h2a` to `h2e`) where no part has that name; `--quick` takes those that are
 * quick. Throws `InvalidOptions`.
 */
export function chosenParts({ only, quick }: Pick<Options, 'only' | 'quick'>, parts = PARTS): Part[] {
  const ids = new Set(parts.map(({ id }) => id));
  const known = new Set(parts.flatMap(({ id, group }) => [id, group]));
  const unknown = only?.find((word) => !known.has(word));
  if (unknown !== undefined) {
    throw new InvalidOptions(`--only: there is no part '${unknown}'; known: ${[...known].join(', ')}`);
  }
  const isNamed = ({ id, group }: Part): boolean =>
    only === null || only.includes(id) || (only.includes(group) && !ids.has(group));
  const chosen = parts.filter((part) => isNamed(part) && (!quick || part.quick));
  if (chosen.length === 0) throw new InvalidOptions('none of these parts is quick');
  return chosen;
}
