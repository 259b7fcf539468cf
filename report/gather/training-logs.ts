/**
 * How the fine-tunes went, step by step, from the logs that their manifests name.
 */
import { isDamage } from '../../artifacts/healing';
import { readRows } from '../../artifacts/rows';
import type { Manifest, Store } from '../../artifacts/store';
import type { ArtifactRef, PlannedConfiguration } from '../../experiment/plan';
import type { HeldOutLoss, TrainingLog, TrainingPoint, TrainingSpeed } from '../report-input';

/**
 * One log for each configuration whose fine-tune is there. A damaged one is left out: it is for people, and its adapter may be
 * whole, which nobody would train again for a curve.
 */
export async function trainingLogs(
  store: Store,
  configurations: readonly Pick<PlannedConfiguration, 'name' | 'recipeKey' | 'heldOutRows'>[],
): Promise<TrainingLog[]> {
  const logs: TrainingLog[] = [];
  for (const { name, recipeKey, heldOutRows } of configurations) {
    const manifest = recipeKey === null ? null : await store.manifest({ stage: 'adapters', key: recipeKey });
    const log = manifest?.results['log'];
    if (manifest == null || log === undefined) continue;
    const speed = manifest.provenance['speed'];
    try {
      logs.push({
        configuration: name,
        points: await readRows<TrainingPoint>(store, log),
        speed: await readRows<TrainingSpeed>(store, speed as ArtifactRef),
        ...(heldOutRows ? { heldOut: await heldOutLosses(store, manifest, heldOutRows) } : {}),
      });
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
  }
  return logs;
}

/** Held-out rows are no part of a fine-tune's key: it may have been made by an experiment that watched others, or none. */
async function heldOutLosses(
  store: Store,
  { facts, provenance }: Manifest,
  { sha256 }: ArtifactRef,
): Promise<NonNullable<TrainingLog['heldOut']>> {
  const losses = provenance['heldOutLoss'];
  if (losses === undefined || facts['heldOutSha256'] !== sha256) return 'not measured';
  return readRows<HeldOutLoss>(store, losses);
}
