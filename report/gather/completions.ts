/**
 * Where and when the completions of a context's cells were made.
 */
import pLimit from 'p-limit';
import { provenanceOf } from '../../artifacts/rows';
import type { Manifest, Store } from '../../artifacts/store';
import type { CompletionProvenance } from '../../experiment/rows';
import type { CellProvenance } from '../report-input';
import { distinct, span } from './distinct';
import { probeOf } from './probes';

const SHARDS_AT_ONCE = 8;

/** The same of all cells of the context, which share their shards. */
export async function completionProvenance(
  store: Store,
  contextKey: string,
  shards: readonly Manifest[],
): Promise<Omit<CellProvenance, 'cell'>> {
  const hosts = new Set<string>();
  const devices = new Set<string>();
  await pLimit(SHARDS_AT_ONCE).map(shards, async (shard) => {
    for (const { host, device } of await provenanceOf<CompletionProvenance>(store, contextKey, shard)) {
      hosts.add(host);
      devices.add(device);
    }
  });
  const probes = distinct(shards.flatMap((shard) => probeOf(shard).probe ?? []));
  // shards of older versions did not count them
  const special = shards.reduce((sum, { facts }) => sum + Number(facts['withSpecialTokens'] ?? 0), 0);
  return {
    ...(special > 0 && { withSpecialTokens: special }),
    ...(probes.length > 0 && { probes }),
    shards: shards.length,
    hosts: [...hosts].sort(),
    devices: [...devices].sort(),
    tokens: shards.reduce((sum, { facts }) => sum + Number(facts['tokens']), 0),
    seconds: shards.reduce((sum, { facts }) => sum + Number(facts['seconds']), 0),
    ...span(shards.map(({ committed }) => committed.at)),
  };
}
