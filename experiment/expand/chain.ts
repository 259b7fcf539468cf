/**
 * Chains of fine-tunes: in which order configurations are planned, and what comes before each.
 */
import { keyOf, type Sha256 } from '../canonical';
import type { Chain, ModelIdentity, PlannedAdapter, PlannedConfiguration, Recipe } from '../plan';
import type { AdapterSpec, ConfigurationSpec } from '../spec';
import { ADAPTER_VERSION } from './versions';

/** Makes every configuration after the one that it starts from; gives them back in the order of the file. */
export function parentsFirst(
  configurations: readonly ConfigurationSpec[],
  make: (configuration: ConfigurationSpec, parent: PlannedConfiguration | null) => PlannedConfiguration,
): PlannedConfiguration[] {
  const byName = new Map(configurations.map((each) => [each.name, each]));
  const made = new Map<string, PlannedConfiguration>();
  const planned = (configuration: ConfigurationSpec): PlannedConfiguration => {
    const before = made.get(configuration.name);
    if (before !== undefined) return before;
    const parent = configuration.start && byName.get(configuration.start.from);
    const found = make(configuration, parent === undefined ? null : planned(parent));
    made.set(configuration.name, found);
    return found;
  };
  return configurations.map(planned);
}

/** What a recipe says of its start; nothing without a parent. */
export function startOf({ start }: ConfigurationSpec, parent: PlannedConfiguration | null): Pick<Recipe, 'start'> {
  if (start === undefined || parent?.recipeKey == null) return {};
  return { start: { adapter: parent.recipeKey, as: start.as } };
}

/** What has to be there before it is trained, and is applied before it when it is asked; nothing without a parent. */
export function chainBehind(
  { start }: ConfigurationSpec,
  parent: PlannedConfiguration | null,
): Pick<PlannedConfiguration, 'chain'> {
  if (start === undefined || parent?.recipeKey == null) return {};
  const before = parent.chain?.merged ?? [];
  const chain: Chain = {
    from: parent.name,
    ancestors: [...(parent.chain?.ancestors ?? []), parent.name],
    merged: start.as === 'merge' ? [...before, parent.recipeKey] : before,
    continued: start.as === 'continue' ? parent.recipeKey : null,
  };
  return { chain };
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
