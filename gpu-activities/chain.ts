/**
 * The adapters that come before one: merged into the base model, gone on from, or given to a trainer of the experiment's own. What
 * was trained on others' weights belongs to these very weights, so its manifest says which they were.
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

/** An adapter of another configuration, as a trainer of the experiment's own is given it. */
export interface LoadedAdapter {
  /** What the program knows it by. */
  name: string;
  adapter: Adapter;
  /** Merged into the base model before, in this order. */
  merged: Adapter[];
}

/** Fails as `mergedAdapters` does. */
export async function loadedAdapters(
  store: Store,
  { name: id, loads = [] }: Pick<PlannedConfiguration, 'name' | 'loads'>,
): Promise<LoadedAdapter[]> {
  const found: LoadedAdapter[] = [];
  for (const { name, adapter, merged } of loads) {
    const before: Adapter[] = [];
    for (const key of merged) before.push((await adapterFolder(store, { id }, key)) as Adapter);
    found.push({ name, adapter: (await adapterFolder(store, { id }, adapter)) as Adapter, merged: before });
  }
  return found;
}

/** The adapters of others on whose bytes a fine-tune depends. */
export interface TrainedOn {
  /** Merged into the base model. */
  merged: readonly { sha256: string }[];
  /** Given to its own trainer. */
  loaded: readonly LoadedAdapter[];
}

/** What a manifest says of them: the hashes of their weights. Nothing where there are none. */
export function trainedOnFacts({ merged, loaded }: TrainedOn): Record<string, string> {
  const loads = loaded.map(({ name, adapter, merged: before }) => `${name} ${hashes([...before, adapter])}`);
  return {
    ...(merged.length === 0 ? {} : { mergedAdapters: hashes(merged) }),
    ...(loads.length === 0 ? {} : { loadedAdapters: loads.join(', ') }),
  };
}

/** Facts of a manifest that say what its adapter was trained on. */
const BINDING = ['mergedAdapters', 'loadedAdapters'] as const;

function hashes(adapters: readonly { sha256: string }[]): string {
  return adapters.map(({ sha256 }) => sha256).join(' ');
}

/**
 * Puts aside what was trained on, or with, other weights than those of these adapters: the finished adapter, and each that was kept on
 * its way, by what its own manifest says. A manifest of a kept one that says nothing is from before they were bound.
 */
export async function putAsideStrangers(
  store: Store,
  recipeKey: Sha256,
  steps: readonly number[],
  trainedOn: TrainedOn,
): Promise<void> {
  const facts = trainedOnFacts(trainedOn);
  for (const key of [recipeKey, ...steps.map((step) => keptAdapterKey(recipeKey, step))]) {
    const work: WorkKey = { stage: 'adapters', key };
    const found = await store.manifest(work);
    if (found !== null && BINDING.some((name) => (found.facts[name] ?? null) !== (facts[name] ?? null)))
      await store.putAside(work, found);
  }
}
