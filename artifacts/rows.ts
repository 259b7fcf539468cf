/**
 * Reading and writing rows in the store: JSON Lines sorted by id, gathered over the shards of a group.
 */
import pLimit from 'p-limit';
import { canonicalJson, type Sha256 } from '../experiment/canonical';
import { keptAdapterKey, keptSteps } from '../experiment/kept-steps';
import type { ArtifactRef, Plan, PlannedCell } from '../experiment/plan';
import type { Completion, Judgement, JudgementProvenance } from '../experiment/rows';
import { checkedRows } from './documents';
import { readOrPutAside } from './healing';
import type { Manifest, Store, WorkKey } from './store';
import { Turns } from './turns';

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

/**
 * The committed adapter of this key with every file held against its hash, which takes a second or two for each GB; null where
 * there is none, or a damaged one, which is put aside.
 */
export async function intactAdapter(store: Store, key: Sha256): Promise<Manifest | null> {
  const work: WorkKey = { stage: 'adapters', key };
  const manifest = await store.manifest(work);
  if (manifest === null) return null;
  return readOrPutAside(store, work, manifest, async () => {
    for (const ref of Object.values(manifest.results)) await store.checkOut(ref);
    return manifest;
  });
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

/** Ids of all stored completions of a cell's context. May hold more than the cell asks for (an earlier, larger run). */
export async function storedCompletionIds(store: Store, cell: PlannedCell): Promise<Set<Sha256>> {
  const ids = new Set<Sha256>();
  await eachRow<Completion>(store, cell.contextKey, await storedCompletionShards(store, cell), ({ id }) => ids.add(id));
  return ids;
}

/** Rows of a cell's committed shards. `open`: those whose file is damaged; they are put aside, and their rows are missing. */
export function completionsOf(
  store: Store,
  { contextKey }: Pick<PlannedCell, 'contextKey'>,
  shards: Manifest[],
): Promise<{ rows: Map<Sha256, Completion>; open: WorkKey[] }> {
  return gather<Completion>(store, contextKey, shards);
}

export function judgementGroup(cell: PlannedCell, instrument: Sha256): string {
  return `${cell.contextKey}-${instrument}`;
}

/** Calls `use` with every committed judgement of a group. */
export async function eachJudgement(store: Store, group: string, use: (row: Judgement) => void): Promise<void> {
  await eachRow(store, group, await store.manifests('judgements', group), use);
}

/** Rows of a group's committed shards. `open`: those whose file is damaged; they are put aside, and their journals remain. */
export function judgementsOf(
  store: Store,
  group: string,
  shards: Manifest[],
): Promise<{ rows: Map<Sha256, Judgement>; open: WorkKey[] }> {
  return gather<Judgement>(store, group, shards);
}

/** How the rows of committed shards came about: requests, tokens, models, hosts. */
export async function judgementProvenanceOf(
  store: Store,
  group: string,
  shards: Manifest[],
): Promise<JudgementProvenance[]> {
  const read = await pLimit(SHARDS_AT_ONCE).map(shards, (shard) =>
    provenanceOf<JudgementProvenance>(store, group, shard),
  );
  return read.flat();
}

/** How the rows of a committed shard came about; none where that is damaged: then the shard is put aside. */
export async function provenanceOf<T>(store: Store, group: string, shard: Manifest): Promise<T[]> {
  const { rows } = shard.provenance;
  if (rows === undefined) return [];
  return (await readOrPutAside(store, workOf(group, shard), shard, () => readRows<T>(store, rows))) ?? [];
}

/** Rows of few shards are in memory at any moment, however many there are. Shards whose file is damaged are put aside. */
async function eachRow<T>(store: Store, group: string, manifests: Manifest[], use: (row: T) => void): Promise<void> {
  await pLimit(SHARDS_AT_ONCE).map(manifests, async (shard) => {
    const read = (): Promise<T[]> => readRows<T>(store, shard.results['rows'] as ArtifactRef);
    for (const row of (await readOrPutAside(store, workOf(group, shard), shard, read)) ?? []) use(row);
  });
}

async function gather<T extends { id: Sha256 }>(
  store: Store,
  group: string,
  manifests: Manifest[],
): Promise<{ rows: Map<Sha256, T>; open: WorkKey[] }> {
  const shards = await pLimit(SHARDS_AT_ONCE).map(manifests, (shard) =>
    readOrPutAside(store, workOf(group, shard), shard, () => readRows<T>(store, shard.results['rows'] as ArtifactRef)),
  );
  const rows = new Map<Sha256, T>();
  const turns = new Turns();
  for (const row of shards.flatMap((each) => each ?? [])) {
    rows.set(row.id, row);
    if (turns.due) await turns.give();
  }
  return {
    rows,
    open: manifests.filter((_, index) => shards[index] === null).map((shard) => workOf(group, shard)),
  };
}

/** Those of the shards that were not found damaged. */
export function withoutDamaged(shards: readonly Manifest[], damaged: readonly WorkKey[]): Manifest[] {
  const keys = new Set(damaged.map(({ key }) => key));
  return shards.filter(({ key }) => !keys.has(key));
}

function workOf(group: string, { stage, key }: Manifest): WorkKey {
  return { stage, group, key };
}
