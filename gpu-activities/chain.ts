/**
 * The adapters that come before one: merged into the base model, or gone on from. An adapter that was trained on others'
 * weights is of use with these very weights only, so its manifest says which they were.
 */
import type { Manifest, Store } from '../artifacts/store';
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
 * Puts a finished adapter aside that was trained on other weights than those of these adapters, with those that were kept on its
 * way; returns whether that was so.
 */
export async function putAsideStranger(
  store: Store,
  finished: Manifest,
  steps: readonly number[],
  merged: readonly { sha256: string }[],
): Promise<boolean> {
  if ((finished.facts['mergedAdapters'] ?? null) === mergedFact(merged)) return false;
  for (const key of steps.map((step) => keptAdapterKey(finished.key, step))) {
    const kept = await store.manifest({ stage: 'adapters', key });
    if (kept !== null) await store.putAside({ stage: 'adapters', key }, kept);
  }
  await store.putAside({ stage: 'adapters', key: finished.key }, finished);
  return true;
}
