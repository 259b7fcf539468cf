/**
 * Files of programs that an experiment brings, in the store by hash, so that every worker has them.
 */
import { extname } from 'node:path';
import type { Store } from '../artifacts/store';
import type { TrainerFiles } from '../experiment/expand/backend-identity';
import type { ScorerPrograms } from '../experiment/expand/scorers';
import type { ArtifactRef, Plan } from '../experiment/plan';

async function storedFiles(store: Store, files: TrainerFiles): Promise<Record<string, ArtifactRef>> {
  const stored: Record<string, ArtifactRef> = {};
  for (const [path, bytes] of Object.entries(files)) stored[path] = await store.putBytes(bytes, extname(path));
  return stored;
}

/** A program with its files in the store. */
export async function withStoredFiles<Limits extends object>(
  store: Store,
  { files, ...limits }: Limits & { files: TrainerFiles },
): Promise<Omit<Limits, 'files'> & { files: Record<string, ArtifactRef> }> {
  return { ...limits, files: await storedFiles(store, files) };
}

/** The plan with its scorers' commands; as it is without any. */
export async function withScorerPrograms(store: Store, plan: Plan, programs: ScorerPrograms): Promise<Plan> {
  const stored: NonNullable<Plan['scorerPrograms']> = {};
  for (const [key, { files, timeoutSeconds }] of Object.entries(programs)) {
    stored[key] = { timeoutSeconds, files: await storedFiles(store, files) };
  }
  return Object.keys(stored).length === 0 ? plan : { ...plan, scorerPrograms: stored };
}
