/** Where a shard's journals lie. */
import type { Store, WorkKey } from '../../artifacts/store';

/** Folders of this shard's earlier attempts, and of other shards of the group that never committed (an older cut). */
export async function journalFolders(store: Store, work: WorkKey): Promise<string[]> {
  const open = await store.open(work.stage, work.group as string);
  const folders = await Promise.all([work, ...open].map((begun) => store.attemptFolders(begun)));
  return [...new Set(folders.flat())];
}
