/**
 * Whether this process can read what runs on the server, asked before it takes part: without the key every workflow task
 * would fail, again and again.
 */
import type { temporal } from '@temporalio/proto';
import type { WorkflowService } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes';
import { encryptedWith, lacksKey, type CodecKey } from './codec';

/** The newest ones; after a change of keys older ones may have been encrypted with another. */
const LOOKED_AT = 5;

/** Throws when an open workflow is encrypted with a key that is none of `keys`. */
export async function requireKeys(
  service: WorkflowService,
  namespace: string,
  keys: readonly CodecKey[],
): Promise<void> {
  const query = `ExecutionStatus = 'Running' AND ${SEARCH_ATTRIBUTES[0]?.name} IS NOT NULL`;
  const { executions } = await service.listWorkflowExecutions({ namespace, query, pageSize: LOOKED_AT });
  for (const { execution } of executions ?? []) {
    const { history } = await service.getWorkflowExecutionHistory({ namespace, execution: execution ?? null });
    for (const id of keyNames(history ?? {})) if (!keys.some((key) => key.id === id)) throw lacksKey(id, keys);
  }
}

/** The keys that a history's payloads name, wherever they stand in it. */
export function keyNames(history: temporal.api.history.v1.IHistory): Set<string> {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
    const id = 'metadata' in value ? encryptedWith(value as { metadata: Record<string, Uint8Array> }) : null;
    if (id !== null) found.add(id);
    else for (const each of Object.values(value)) look(each);
  };
  look(history);
  return found;
}
