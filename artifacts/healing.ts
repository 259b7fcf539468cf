/**
 * What becomes of committed work whose files turn out to be gone or changed: whoever reads it puts its manifest aside, so that
 * the work is open again and is made anew by whatever makes such work, in the same run where it is found while planning.
 * Each is recorded in the store, for report and `status` to count.
 */
import { z } from 'zod';
import { appendedRows } from './documents';
import { ArtifactDamaged, type Manifest, type Store, type WorkKey } from './store';
import { unavailable } from './unavailable';

export interface Healed extends WorkKey {
  /** ISO time at which it was found. */
  at: string;
  why: string;
}

/** One record for the whole store: such things are rare, and their readers know which work is theirs. */
const RECORD = 'objects';
const ENTRY = z.looseObject({
  stage: z.enum(['adapters', 'completions', 'judgements', 'measurements', 'handoffs']),
  group: z.string().exactOptional(),
  key: z.string(),
  at: z.string(),
  why: z.string(),
});

/** Stored bytes that are gone, or are not those that were stored. */
export function isDamage(error: unknown): boolean {
  return error instanceof ArtifactDamaged || (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';
}

/** What `read` gives of committed work; null when its files are damaged, and then the work is open again. */
export async function readOrPutAside<T>(
  store: Store,
  work: WorkKey,
  manifest: Manifest,
  read: () => Promise<T>,
): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (!isDamage(error)) throw error;
    await putAside(store, work, manifest, (error as Error).message);
    return null;
  }
}

async function putAside(store: Store, work: WorkKey, manifest: Manifest, why: string): Promise<void> {
  try {
    if (await store.putAside(work, manifest)) await recordHealed(store, work, why);
  } catch (error) {
    // a reader of a store that takes nothing at present passes it over all the same
    if (unavailable(error) === null) throw error;
  }
}

/** Something of this work was damaged and has been, or is to be, made anew. */
export async function recordHealed(store: Store, { stage, group, key }: WorkKey, why: string): Promise<void> {
  const entry: Healed = { stage, ...(group !== undefined && { group }), key, at: new Date().toISOString(), why };
  await store.appendRecord('healed', RECORD, JSON.stringify(entry));
}

/** Everything in the store that was found damaged so far, in the order in which it was found. */
export async function healedObjects(store: Store): Promise<Healed[]> {
  return appendedRows<Healed>(await store.readRecord('healed', RECORD), ENTRY).rows;
}
