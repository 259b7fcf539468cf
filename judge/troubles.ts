/**
 * What an attempt that could not finish its shard leaves behind about it: which judgements it gave up
 * and for what, and what it met on the way. What the committing attempt met is in the manifest's facts, as `met_KIND`.
 */
import { z } from 'zod';
import { documentOrNull } from '../artifacts/documents';
import type { Attempt } from '../artifacts/store';
import type { Sha256 } from '../experiment/canonical';
import type { JudgedItems, Missing, Troubles } from './shard';

export interface AttemptTroubles {
  /** When it ended, epoch milliseconds. */
  at: number;
  met: Troubles;
  missing: { id: Sha256; kind: Missing['kind'] }[];
}

const TROUBLES = z.looseObject({
  at: z.number(),
  met: z.record(z.string(), z.number()),
  missing: z.array(z.looseObject({ id: z.string(), kind: z.string() })),
});

const FILE = 'troubles.json';

export async function recordTroubles(
  attempt: Attempt,
  { troubles, missing }: Pick<JudgedItems, 'troubles' | 'missing'>,
): Promise<void> {
  const entry: AttemptTroubles = {
    at: Date.now(),
    met: troubles,
    missing: missing.map(({ id, kind }) => ({ id, kind })),
  };
  await attempt.write(FILE, JSON.stringify(entry) + '\n');
}

/** Null where an attempt left nothing, or something damaged. */
export async function readTroubles(attempt: Attempt): Promise<AttemptTroubles | null> {
  return documentOrNull(await attempt.read(FILE), TROUBLES);
}
