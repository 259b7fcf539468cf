/**
 * Recipes that were trained under several seeds: configurations that differ in nothing else. Their fine-tunes are draws of one
 * recipe, and a result of the recipe is one over its seeds.
 */
import { canonicalJson } from './canonical';
import type { SeedGroup } from './plan';
import type { ConfigurationSpec } from './spec';

/** Groups of at least two seeds, in the order of their first members. The base model has no seed of training. */
export function seedGroups(configurations: readonly ConfigurationSpec[]): SeedGroup[] {
  const groups = new Map<string, ConfigurationSpec[]>();
  for (const configuration of configurations) {
    if (configuration.train === null) continue;
    const key = recipeOf(configuration);
    groups.set(key, [...(groups.get(key) ?? []), configuration]);
  }
  const names = new Set(configurations.map(({ name }) => name));
  return [...groups.values()].flatMap((members): SeedGroup[] => {
    const seeds = members.map(({ training: { seeds: own } }) =>
      own.initialisation === own.dataOrder ? `${own.initialisation}` : `${own.initialisation}/${own.dataOrder}`,
    );
    if (new Set(seeds).size < 2) return [];
    const own = members.map(({ name }) => name);
    const common = inCommon(own, '.');
    return [
      {
        name: common === '' || names.has(common) ? own.join('+') : common,
        label:
          inCommon(
            members.map(({ label }) => label),
            ', ',
          ) || members.map(({ label }) => label).join(' + '),
        members: own.map((configuration, index) => ({ configuration, seed: seeds[index] as string })),
      },
    ];
  });
}

/** All that decides a configuration's cells, but for seeds. */
function recipeOf({ model, train, training, sampling, conditions, evaluateAt }: ConfigurationSpec): string {
  const { seeds: _, ...recipe } = training;
  const { seed: __, ...decoding } = sampling;
  return canonicalJson({ model, train, recipe, decoding, conditions, steps: evaluateAt?.steps ?? [] });
}

/** The parts that all have at the same place. */
function inCommon(texts: readonly string[], separator: string): string {
  const [first, ...others] = texts.map((text) => text.split(separator));
  return (first ?? []).filter((part, index) => others.every((parts) => parts[index] === part)).join(separator);
}
