/**
 * The pools of an experiment with their members, and what a prompt of the file is in a plan.
 */
import { promptIdentity } from '../asked';
import type { Sha256 } from '../canonical';
import type { Condition } from '../conditions';
import { InvalidExperiment, type Path } from '../issue';
import type { PoolPrompt, PromptPool, SystemPrompt } from '../plan';
import { sortedPool } from '../prompt-pool';
import { mapValues } from '../records';
import type { FilePool } from './row-prompts';
import type { PromptSpec, Spec } from '../spec';

export interface Pools {
  /** The pool of a prompt; null where it is none of a pool. */
  poolOf: (prompt: PromptSpec) => FilePool | null;
  /** A prompt as contexts have it. */
  promptOf: (prompt: PromptSpec) => SystemPrompt | PoolPrompt;
  /** As `Plan.pools` has them; absent without any. */
  planned: { pools?: Record<Sha256, PromptPool> };
}

/**
 * Two conditions of a list that say the same with all pools read: a pool may lie in two files. Those of equal words are found
 * when the file is read. Throws `InvalidExperiment`.
 */
export function checkDifferent(conditions: readonly Condition[], { promptOf }: Pools, path: Path): void {
  const said = new Map<string, string>();
  for (const { name, prompt, user } of conditions) {
    const identity = promptIdentity({ systemPrompt: promptOf(prompt), ...(user === undefined ? {} : { user }) });
    const other = said.get(identity);
    if (other !== undefined) {
      throw new InvalidExperiment(
        path,
        `the condition \`${name}\` says the same as \`${other}\`: their pools have the same prompts`,
        'leave one of them out',
      );
    }
    said.set(identity, name);
  }
}

/** `read`: the members of the pools that lie in files, in the files' order. */
export function poolsOf({ pools = {} }: Pick<Spec, 'pools'>, read: Readonly<Record<string, string[]>>): Pools {
  const found = mapValues(pools, ({ name, source, place }, id) => {
    const members = source.kind === 'inline' ? source.members : read[id];
    if (members === undefined) throw new InvalidExperiment(place, `the pool ${name} was not read`);
    return { ...sortedPool(name, members), inFileOrder: members };
  });
  const all = Object.values(found);
  const planned = all.map(({ sha256, name, members }) => [sha256, { name, members }] as const);
  const known = (id: string): (typeof all)[number] => found[id] as (typeof all)[number];
  return {
    poolOf: (prompt) => (prompt.kind === 'pool' ? known(prompt.pool) : null),
    promptOf: (prompt) => {
      if (prompt.kind !== 'pool') return prompt;
      const { sha256, members } = known(prompt.pool);
      return { kind: 'pool', pool: sha256, members: members.length, seed: prompt.seed };
    },
    planned: planned.length === 0 ? {} : { pools: Object.fromEntries(planned) },
  };
}
