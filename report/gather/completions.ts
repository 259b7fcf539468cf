/**
 * Where and when the completions of a cell were made.
 */
import type { CellRows } from '../../artifacts/cells';
import { provenanceOf, storedCompletionShards } from '../../artifacts/rows';
import type { Store } from '../../artifacts/store';
import type { CompletionProvenance } from '../../experiment/rows';
import type { CellProvenance } from '../report-input';
import { distinct, span } from './distinct';
import { probeOf } from './probes';

export async function completionProvenance(store: Store, { cell }: CellRows): Promise<CellProvenance> {
  const shards = await storedCompletionShards(store, cell);
  const rows: CompletionProvenance[] = [];
  for (const shard of shards) rows.push(...(await provenanceOf<CompletionProvenance>(store, cell.contextKey, shard)));
  const probes = distinct(shards.flatMap((shard) => probeOf(shard).probe ?? []));
  // shards of older versions did not count them
  const special = shards.reduce((sum, { facts }) => sum + Number(facts['withSpecialTokens'] ?? 0), 0);
  return {
    cell: cell.id,
    ...(special > 0 && { withSpecialTokens: special }),
    ...(probes.length > 0 && { probes }),
    shards: shards.length,
    hosts: distinct(rows.map(({ host }) => host)),
    devices: distinct(rows.map(({ device }) => device)),
    tokens: shards.reduce((sum, { facts }) => sum + Number(facts['tokens']), 0),
    seconds: shards.reduce((sum, { facts }) => sum + Number(facts['seconds']), 0),
    ...span(shards.map(({ committed }) => committed.at)),
  };
}
