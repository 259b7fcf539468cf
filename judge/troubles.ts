/**
 * What an attempt that could not finish its shard leaves behind about it, in its own folder: which judgements it gave up
 * and for what, and what it met on the way. What the committing attempt met is in the manifest's facts, as `met_KIND`.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '../experiment/canonical';
import type { JudgedItems, Missing, Troubles } from './shard';

export interface AttemptTroubles {
  /** When it ended, epoch milliseconds. Absent in older stores. */
  at?: number;
  met: Troubles;
  missing: { id: Sha256; kind: Missing['kind'] }[];
}

const FILE = 'troubles.json';

export async function recordTroubles(
  folder: string,
  { troubles, missing }: Pick<JudgedItems, 'troubles' | 'missing'>,
): Promise<void> {
  const entry: AttemptTroubles = {
    at: Date.now(),
    met: troubles,
    missing: missing.map(({ id, kind }) => ({ id, kind })),
  };
  await writeFile(join(folder, FILE), JSON.stringify(entry) + '\n');
}

/** Null where an attempt left nothing, or a kill only half of it. */
export async function readTroubles(folder: string): Promise<AttemptTroubles | null> {
  try {
    return JSON.parse(await readFile(join(folder, FILE), 'utf8')) as AttemptTroubles;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}
