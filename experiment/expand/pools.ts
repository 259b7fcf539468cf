/**
 * The pools of an experiment with their members, and what a prompt of the file is in a plan.
 */
import { promptIdentity } from '../asked';
import type { Sha256 } from '../canonical';
import { conditionsOf, type Condition } from '../conditions';
import { InvalidExperiment, type Path } from '../issue';
import type { PoolPrompt, PromptPool, SystemPrompt } from '../plan';
import { sortedPool } from '../prompt-pool';
import { mapValues } from '../records';
import type { FilePool } from './row-prompts';
import type { ConfigurationSpec, PromptSpec, QuestionSetSpec, Spec } from '../spec';

export interface Pools {
  /** The pool of a prompt; null where it is none of a pool. */
  poolOf: (prompt: PromptSpec) => FilePool | null;
  /** A prompt as contexts have it. */
  promptOf: (prompt: PromptSpec) => SystemPrompt | PoolPrompt;
  /** As `Plan.pools` has them; absent without any. */
  planned: { pools?: Record<Sha256, PromptPool> };
}

/**
 * The conditions under which a configuration is asked a question set, or measured, with all pools read: a pool may lie in two files.
 * One that repeats the training is left out where it says the same as another. Throws `InvalidExperiment` for two others that do, and
 * where `named`, the cells of claims and expectations, has one that is left out. `path`: the list's place.
 */
export function differentConditions(
  configuration: Pick<ConfigurationSpec, 'name' | 'conditions' | 'train'>,
  set: (Pick<QuestionSetSpec, 'conditions'> & { name: string }) | null,
  { promptOf }: Pools,
  named: ReadonlySet<string>,
  path: Path,
): Condition[] {
  const list = set?.conditions ?? configuration.conditions;
  const repeating = new Set(list.flatMap(({ name, prompt }) => (prompt === null ? [name] : [])));
  const all = conditionsOf(configuration, set ?? undefined).map((condition) => {
    const { prompt, user, prefill } = condition;
    const identity = promptIdentity({
      systemPrompt: promptOf(prompt),
      ...(user === undefined ? {} : { user }),
      ...(prefill === undefined ? {} : { prefill }),
    });
    return { condition, identity };
  });
  const said = new Map<string, string>();
  for (const { condition, identity } of all) {
    if (repeating.has(condition.name)) continue;
    const other = said.get(identity);
    if (other !== undefined) {
      throw new InvalidExperiment(
        path,
        `the condition \`${condition.name}\` says the same as \`${other}\`: their pools have the same prompts`,
        'leave one of them out',
      );
    }
    said.set(identity, condition.name);
  }
  return all.flatMap(({ condition, identity }) => {
    const other = said.get(identity);
    if (other === undefined || other === condition.name) return [condition];
    const cell = (name: string): string => [configuration.name, set?.name, name].join('/');
    if (!named.has(cell(condition.name))) return [];
    throw new InvalidExperiment(
      path,
      `there is no cell \`${cell(condition.name)}\`: \`${condition.name}\` says the same as \`${other}\`, for their pools have the same prompts`,
      `name \`${cell(other)}\` in its place`,
    );
  });
}

/** The cells that claims and expectations are about. */
export function namedCells({ expect, claims = [] }: Pick<Spec, 'expect' | 'claims'>): Set<string> {
  const measured = [...expect, ...claims, ...claims.map(({ beyond }) => beyond)];
  return new Set(measured.flatMap(({ cells, minus }) => [...cells, ...minus]));
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
