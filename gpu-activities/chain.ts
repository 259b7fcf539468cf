/**
 * The adapters that come before one: merged into the base model, or gone on from. An adapter that was trained on others'
 * weights is of use with these very weights only, so its manifest says which they were.
 */
import type { Store, WorkKey } from '../artifacts/store';
import type { Sha256 } from '../experiment/canonical';
import { keptAdapterKey } from '../experiment/kept-steps';
import type { PlannedConfiguration } from '../experiment/plan';
import { adapterFolder, type Adapter } from './adapter-folder';

/** In the order in which they are merged. Fails with `DamagedArtifact` where one can not be used. */
export async function mergedAdapters(
  store: Store,
  { name, chain }: Pick<PlannedConfiguration, 'name' | 'chain'>,
): Promise<Adapter[]> {
  const found: Adapter[] = [];
  for (const key of chain?.merged ?? []) found.push((await adapterFolder(store, { id: name }, key)) as Adapter);
  return found;
}

/** What a fine-tune starts from; null where that is the base model. Fails as `mergedAdapters` does. */
export async function startingAdapters(
  store: Store,
  configuration: Pick<PlannedConfiguration, 'name' | 'chain'>,
): Promise<{ merged: Adapter[]; continued: Adapter | null } | null> {
  const { name, chain } = configuration;
  if (chain === undefined) return null;
  return {
    merged: await mergedAdapters(store, configuration),
    continued: await adapterFolder(store, { id: name }, chain.continued),
  };
}

/** What a manifest says of the merged adapters: the hashes of their weights in order; null without any. */
export function mergedFact(merged: readonly { sha256: string }[]): string | null {
  return merged.length === 0 ? null : merged.map(({ sha256 }) => sha256).join(' ');
}

/**
 * Puts aside what was trained on other weights than those of these adapters: the finished adapter, and each that was kept on
 * its way, by what its own manifest says. A manifest of a kept one that says nothing is from before they were bound.
 */
export async function putAsideStrangers(
  store: Store,
  recipeKey: Sha256,
  steps: readonly number[],
  merged: readonly { sha256: string }[],
): Promise<void> {
  for (const key of [recipeKey, ...steps.map((step) => keptAdapterKey(recipeKey, step))]) {
    const work: WorkKey = { stage: 'adapters', key };
    const found = await store.manifest(work);
    if (found !== null && (found.facts['mergedAdapters'] ?? null) !== mergedFact(merged))
      await store.putAside(work, found);
  }
}
