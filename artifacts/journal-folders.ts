/** Where a shard's journals lie. */
import type { Store, WorkKey } from './store';
import type { Sha256 } from '../experiment/canonical';

/**
 * Folders of this shard's earlier attempts, and of `salvage`: keys of other shards of the group that were cut differently
 * and never committed, but may hold verdicts of this one.
 */
export async function journalFolders(store: Store, work: WorkKey, salvage: readonly Sha256[] = []): Promise<string[]> {
  const keys = [work.key, ...salvage];
  const folders = await Promise.all(keys.map((key) => store.attemptFolders({ ...work, key })));
  return folders.flat();
}
