/**
 * Recipes that were trained under several seeds: configurations that differ in their seeds, and in nothing else but how many
 * answers they give. Their fine-tunes are draws of one recipe, and a result of the recipe is one over its seeds.
 */
import { canonicalJson } from './canonical';
import type { SeedGroup } from './plan';
import type { ConfigurationSpec } from './spec';

/** Groups of at least two seeds, in the order of their first members. The base model has no seed of training. */
export function seedGroups(configurations: readonly ConfigurationSpec[]): SeedGroup[] {
  const taken = new Set(configurations.map(({ name }) => name));
  return recipesOf(configurations, byNameOf(configurations)).map((members): SeedGroup => {
    const seeds = members.map(trainingSeed);
    const own = members.map(({ name }) => name);
    const common = theSame(members.map(nameWithoutSeeds));
    const name = common === null || taken.has(common) ? own.join('+') : common;
    taken.add(name);
    const label = theSame(members.map(labelWithoutSeeds)) ?? members.map((each) => each.label).join(' + ');
    return {
      name,
      label,
      members: own.map((configuration, index) => ({ configuration, seed: seeds[index] as string })),
    };
  });
}

/**
 * Configurations of a group whose answers an earlier one of it has, too, as far as both have them: all their seeds are equal,
 * and one of them has a number of answers of its own.
 */
export function repeatedSeeds(
  configurations: readonly ConfigurationSpec[],
): { earlier: ConfigurationSpec; again: ConfigurationSpec }[] {
  const byName = byNameOf(configurations);
  return recipesOf(configurations, byName).flatMap((members) => {
    const first = new Map<string, ConfigurationSpec>();
    return members.flatMap((again) => {
      const key = canonicalJson([again.sampling.seed, drawOf(again, byName)]);
      const earlier = first.get(key);
      if (earlier === undefined) first.set(key, again);
      const isRepeated = earlier !== undefined && (earlier.samples ?? again.samples) !== undefined;
      return isRepeated ? [{ earlier, again }] : [];
    });
  });
}

type ByName = ReadonlyMap<string, ConfigurationSpec>;

function byNameOf(configurations: readonly ConfigurationSpec[]): ByName {
  return new Map(configurations.map((each) => [each.name, each]));
}

/** The configurations of each recipe that has at least two training seeds. */
function recipesOf(configurations: readonly ConfigurationSpec[], byName: ByName): ConfigurationSpec[][] {
  const groups = new Map<string, ConfigurationSpec[]>();
  for (const configuration of configurations) {
    if (configuration.train === null) continue;
    const key = recipeOf(configuration, byName);
    groups.set(key, [...(groups.get(key) ?? []), configuration]);
  }
  return [...groups.values()].filter((members) => new Set(members.map(trainingSeed)).size > 1);
}

function trainingSeed({ training: { seeds } }: ConfigurationSpec): string {
  return seeds.initialisation === seeds.dataOrder
    ? `${seeds.initialisation}`
    : `${seeds.initialisation}/${seeds.dataOrder}`;
}

/** Which of its recipe's fine-tunes it is: by its seeds, and by those of what it starts from and of the adapters that it is given. */
function drawOf({ training: { seeds }, start, loads = [] }: ConfigurationSpec, byName: ByName): object {
  const parent = start && byName.get(start.from);
  return {
    ...{ seeds, loads: loads.map(({ name, from }) => [name, from]) },
    ...(parent === undefined ? {} : { parent: drawOf(parent, byName) }),
  };
}

/** All that decides a configuration's cells, but for its seeds and those of what it starts from. */
function recipeOf(configuration: ConfigurationSpec, byName: ByName): string {
  const { model, train, training, sampling, conditions, evaluateAt, start, adapter } = configuration;
  const { seeds: _, ...recipe } = training;
  const { seed: __, ...decoding } = sampling;
  const parent = start && byName.get(start.from);
  const begun = parent && { as: start.as, from: recipeOf(parent, byName) };
  const { place: ___, ...elsewhere } = { place: undefined, ...adapter };
  const { place: ____, ...shares } = { place: undefined, ...train?.mix };
  const taught = train?.mix === undefined ? train : { ...train, mix: shares };
  return canonicalJson({
    ...{ model, train: taught, recipe, decoding, conditions, steps: evaluateAt?.steps ?? [] },
    ...(begun === undefined ? {} : { begun }),
    ...(adapter === undefined ? {} : { elsewhere }),
  });
}

/** What a grid calls its axes over seeds (file/grid.ts). */
const SEED_AXES = ['seed', 'initialisation', 'data_order'];

/** A grid adds `.AXIS-VALUE` to a name. */
function nameWithoutSeeds({ name, axes }: ConfigurationSpec): string {
  return SEED_AXES.reduce((rest, axis) => {
    const value = axes[axis];
    return value === undefined ? rest : rest.replaceAll(`.${axis.replaceAll('_', '-')}-${value}`, '');
  }, name);
}

/** And `, AXIS VALUE` to a label. */
function labelWithoutSeeds({ label, axes }: ConfigurationSpec): string {
  return SEED_AXES.reduce((rest, axis) => {
    const value = axes[axis];
    return value === undefined ? rest : rest.replace(`, ${axis} ${value}`, '');
  }, label);
}

/** Null where they differ. */
function theSame(texts: readonly string[]): string | null {
  return texts.every((text) => text === texts[0]) ? (texts[0] ?? null) : null;
}
