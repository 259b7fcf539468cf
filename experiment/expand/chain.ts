/**
 * Chains of fine-tunes: in which order configurations are planned, and what comes before each.
 */
import { ancestorsOf } from '../ancestors';
import { keyOf, type Sha256 } from '../canonical';
import type { Chain, ModelIdentity, PlannedAdapter, PlannedConfiguration, PlannedLoad, Recipe } from '../plan';
import type { AdapterSpec, ConfigurationSpec } from '../spec';
import { ADAPTER_VERSION } from './versions';

/** What is planned before a configuration. */
export interface Before {
  /** What it starts from; null = the base model. */
  parent: PlannedConfiguration | null;
  /** What its own trainer is given of others, as `loads` of the plan says it. */
  loads: PlannedLoad[];
}

/**
 * Makes every configuration after the one that it starts from, and after those that it loads; gives them back in the order of the
 * file.
 */
export function parentsFirst(
  configurations: readonly ConfigurationSpec[],
  make: (configuration: ConfigurationSpec, before: Before) => PlannedConfiguration,
): PlannedConfiguration[] {
  const byName = new Map(configurations.map((each) => [each.name, each]));
  const made = new Map<string, PlannedConfiguration>();
  const planned = (configuration: ConfigurationSpec): PlannedConfiguration => {
    const before = made.get(configuration.name);
    if (before !== undefined) return before;
    const named = (name: string): PlannedConfiguration => planned(byName.get(name) as ConfigurationSpec);
    const found = make(configuration, {
      parent: configuration.start === undefined ? null : named(configuration.start.from),
      loads: (configuration.loads ?? []).map(({ name, from }) => plannedLoad(name, named(from))),
    });
    made.set(configuration.name, found);
    return found;
  };
  return configurations.map(planned);
}

function plannedLoad(name: string, loaded: PlannedConfiguration): PlannedLoad {
  return {
    name,
    configuration: loaded.name,
    ancestors: ancestorsOf(loaded),
    adapter: loaded.recipeKey as Sha256,
    merged: loaded.chain?.merged ?? [],
  };
}

/** What a recipe says of the adapters before it; nothing where there are none. */
export function startOf({ start }: ConfigurationSpec, { parent, loads }: Before): Pick<Recipe, 'start' | 'loads'> {
  return {
    ...(start === undefined || parent?.recipeKey == null ? {} : { start: { adapter: parent.recipeKey, as: start.as } }),
    ...(loads.length === 0 ? {} : { loads: Object.fromEntries(loads.map(({ name, adapter }) => [name, adapter])) }),
  };
}

/** What has to be there before it is trained, and is applied before it when it is asked; nothing without a parent. */
export function chainBehind(
  { start }: ConfigurationSpec,
  { parent, loads }: Before,
): Pick<PlannedConfiguration, 'chain' | 'loads'> {
  const loaded = loads.length === 0 ? {} : { loads };
  if (start === undefined || parent?.recipeKey == null) return loaded;
  const before = parent.chain?.merged ?? [];
  const chain: Chain = {
    from: parent.name,
    ancestors: [...ancestorsOf(parent), parent.name],
    merged: start.as === 'merge' ? [...before, parent.recipeKey] : before,
    continued: start.as === 'continue' ? parent.recipeKey : null,
  };
  return { chain, ...loaded };
}

/** `settings`: SHA-256 of a local adapter's adapter_config.json; a hub adapter's is pinned by its revision. */
export function plannedAdapter(adapter: AdapterSpec, settings: Sha256 | undefined): PlannedAdapter {
  if (adapter.kind === 'hub') return adapter;
  return { kind: 'folder', sha256: adapter.sha256, settings: settings as Sha256, files: null };
}

/** The key of an adapter from elsewhere: its files and the model that it lies on. */
export function adapterKey(model: ModelIdentity, adapter: PlannedAdapter): Sha256 {
  const { sha256 } = adapter;
  return keyOf({
    version: ADAPTER_VERSION,
    model,
    adapter:
      adapter.kind === 'hub'
        ? { kind: 'hub', id: adapter.id, revision: adapter.revision, sha256 }
        : { kind: 'folder', settings: adapter.settings, sha256 },
  });
}
