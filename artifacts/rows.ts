/**
 * Reading and writing rows in the store: JSON Lines sorted by id, gathered over the shards of a group.
 */
import pLimit from 'p-limit';
import { canonicalJson, type Sha256 } from '../experiment/canonical';
import { keptAdapterKey, keptSteps } from '../experiment/kept-steps';
import type { ArtifactRef, Plan, PlannedCell } from '../experiment/plan';
import type { Completion, Judgement, JudgementProvenance } from '../experiment/rows';
import { checkedRows } from './documents';
import type { Manifest, Store } from './store';

/** Files that are read at once. */
const SHARDS_AT_ONCE = 8;

/** JSON Lines in canonical form, sorted by id: equal rows give equal bytes. */
export function toJsonLines(rows: readonly { id: Sha256 }[]): string {
  const sorted = [...rows].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return sorted.map((row) => canonicalJson(row) + '\n').join('');
}

/** Throws `ArtifactDamaged`. */
export async function readRows<T>(store: Store, ref: ArtifactRef): Promise<T[]> {
  return checkedRows<T>((await store.read(ref)).toString('utf8'), ref.uri);
}

/** The adapter that a cell's completions must come from, null for the base model; undefined when it is not trained yet. */
export async function adapterOf(store: Store, key: Sha256 | null): Promise<Sha256 | null | undefined> {
  if (key === null) return null;
  const manifest = await store.manifest({ stage: 'adapters', key });
  return manifest === null ? undefined : (manifest.results['weights'] as ArtifactRef).sha256;
}

/** The steps of a fine-tune that the plan evaluates and the store has no adapter of, ascending. */
export async function stepsNotKept(store: Store, plan: Plan, recipeKey: Sha256): Promise<number[]> {
  const lacking: number[] = [];
  for (const step of keptSteps(plan, recipeKey)) {
    if ((await adapterOf(store, keptAdapterKey(recipeKey, step))) === undefined) lacking.push(step);
  }
  return lacking;
}

/** Shards of a cell that the present adapter made; a cell never mixes two adapters. */
export async function storedCompletionShards(store: Store, cell: PlannedCell): Promise<Manifest[]> {
  const adapter = await adapterOf(store, cell.context.recipe);
  const manifests = await store.manifests('completions', cell.contextKey);
  return manifests.filter((manifest) => manifest.facts['adapter'] === adapter);
}

/** All stored completions of a cell's context, by id. May hold more than the cell asks for (an earlier, larger run). */
export async function storedCompletions(store: Store, cell: PlannedCell): Promise<Map<Sha256, Completion>> {
  return completionsOf(store, await storedCompletionShards(store, cell));
}

/** Rows of committed shards. */
export function completionsOf(store: Store, shards: Manifest[]): Promise<Map<Sha256, Completion>> {
  return gather<Completion>(store, shards);
}

export function judgementGroup(cell: PlannedCell, instrument: Sha256): string {
  return `${cell.contextKey}-${instrument}`;
}

export async function storedJudgements(store: Store, group: string): Promise<Map<Sha256, Judgement>> {
  return judgementsOf(store, await store.manifests('judgements', group));
}

/** Rows of committed shards. */
export function judgementsOf(store: Store, shards: Manifest[]): Promise<Map<Sha256, Judgement>> {
  return gather<Judgement>(store, shards);
}

/** How the rows of committed shards came about: requests, tokens, models, hosts. */
export async function judgementProvenanceOf(store: Store, shards: Manifest[]): Promise<JudgementProvenance[]> {
  const read = await pLimit(SHARDS_AT_ONCE).map(shards, async ({ provenance: { rows } }) =>
    rows === undefined ? [] : readRows<JudgementProvenance>(store, rows),
  );
  return read.flat();
}

async function gather<T extends { id: Sha256 }>(store: Store, manifests: Manifest[]): Promise<Map<Sha256, T>> {
  const shards = await pLimit(SHARDS_AT_ONCE).map(manifests, ({ results }) =>
    readRows<T>(store, results['rows'] as ArtifactRef),
  );
  return new Map(shards.flat().map((row) => [row.id, row]));
}
