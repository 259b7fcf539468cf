/**
 * The parts of the judge benchmark, and which of them were asked for.
 */
import { InvalidOptions, type Options } from '../options';
import { fanOut, fanOutDefaults } from './fan-out';
import { limits, limitsWithFourWorkers, limitsAgainstPeers } from './limits';
import { kills, killsAgainstPeers } from './kills';
import { batchKills } from './batch-kills';
import { partialFailure } from './partial-failure';
import { rerun } from './rerun';
import { memory, million } from './memory';
import { expectedScores, expectedScoresKilled } from './expected-scores';
import type { Part } from './part';

export const PARTS: readonly Part[] = [
  fanOut,
  fanOutDefaults,
  expectedScores,
  expectedScoresKilled,
  ...limits,
  ...limitsWithFourWorkers,
  ...limitsAgainstPeers,
  ...kills,
  killsAgainstPeers,
  ...batchKills,
  partialFailure,
  rerun,
  memory,
  million,
];

/**
 * `--only` names parts, or a group (`limits`: `limits-a` to `limits-e`) where no part has that name; `--quick` takes those that are
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
