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
  const byName = new Map(configurations.map((each) => [each.name, each]));
  for (const configuration of configurations) {
    if (configuration.train === null) continue;
    const key = recipeOf(configuration, byName);
    groups.set(key, [...(groups.get(key) ?? []), configuration]);
  }
  const taken = new Set(configurations.map(({ name }) => name));
  return [...groups.values()].flatMap((members): SeedGroup[] => {
    const seeds = members.map(({ training: { seeds: own } }) =>
      own.initialisation === own.dataOrder ? `${own.initialisation}` : `${own.initialisation}/${own.dataOrder}`,
    );
    if (new Set(seeds).size < 2) return [];
    const own = members.map(({ name }) => name);
    const common = theSame(members.map(nameWithoutSeeds));
    const name = common === null || taken.has(common) ? own.join('+') : common;
    taken.add(name);
    const label = theSame(members.map(labelWithoutSeeds)) ?? members.map((each) => each.label).join(' + ');
    return [
      { name, label, members: own.map((configuration, index) => ({ configuration, seed: seeds[index] as string })) },
    ];
  });
}

/** All that decides a configuration's cells, but for its seeds and those of what it starts from. */
function recipeOf(configuration: ConfigurationSpec, byName: ReadonlyMap<string, ConfigurationSpec>): string {
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
