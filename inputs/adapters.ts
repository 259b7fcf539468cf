/**
 * Reads local adapters from elsewhere, so that they lie in the store with the plan and go to any worker.
 */
import { join } from 'node:path';
import { sha256 } from '../experiment/canonical';
import type { AdapterFiles } from '../experiment/expand/expand';
import { InvalidExperiment, type Path } from '../experiment/issue';
import type { Spec } from '../experiment/spec';
import { inBytes, readBytes, TooLarge, UnreadableInput } from './files';
import { MAX_ADAPTER_BYTES, MAX_ADAPTER_SETTINGS_BYTES } from './limits';

const WEIGHTS = 'adapter_model.safetensors';
const CONFIG = 'adapter_config.json';

/**
 * By the path in the file; `locate` gives its place, or refuses it. `confine`: the file came from elsewhere, and whoever sent it is
 * not told the hash of what lies here. Throws `InvalidExperiment`.
 */
export async function readAdapters(
  { configurations }: Pick<Spec, 'configurations'>,
  locate: (written: string, path: Path) => Promise<string>,
  { confine = false }: { confine?: boolean } = {},
): Promise<Record<string, AdapterFiles>> {
  const found: Record<string, AdapterFiles> = {};
  for (const { adapter } of configurations) {
    if (adapter?.kind !== 'folder') continue;
    const path = adapter.place;
    const folder = await locate(adapter.path, path);
    const known = found[adapter.path];
    const weights = known?.weights ?? (await bytesOf(join(folder, WEIGHTS), MAX_ADAPTER_BYTES, path));
    const hash = sha256(weights);
    if (hash !== adapter.sha256) {
      const has = confine ? 'is other bytes' : `has SHA-256 ${hash}`;
      throw new InvalidExperiment([...path, 'sha256'], `${join(folder, WEIGHTS)} ${has}, pinned is ${adapter.sha256}`);
    }
    const config = known?.config ?? (await bytesOf(join(folder, CONFIG), MAX_ADAPTER_SETTINGS_BYTES, path));
    found[adapter.path] = { weights, config };
  }
  return found;
}

async function bytesOf(file: string, most: number, path: Path): Promise<Uint8Array> {
  try {
    return await readBytes(file, most, { packed: true });
  } catch (error) {
    if (error instanceof TooLarge)
      throw new InvalidExperiment([...path, 'path'], `${file} is larger than ${inBytes(most)}, which is the limit`);
    throw error instanceof UnreadableInput ? new InvalidExperiment([...path, 'path'], error.message) : error;
  }
}
