/**
 * An adapter from elsewhere, as the first stage of a configuration that trains nothing: fetched, held against its pin and its base
 * by the trainer, and committed beside the adapters that are trained here.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { earlierAttempts, refuseHopeless } from '../activities/attempts';
import { withHeartbeat } from '../activities/heartbeat';
import { holderOf, withLease } from '../activities/leases';
import type { StoredPlan } from '../artifacts/plans';
import { intactAdapter } from '../artifacts/rows';
import type { Manifest, Store, WorkKey } from '../artifacts/store';
import type { Sha256 } from '../experiment/canonical';
import { adapterInWords } from '../experiment/describe-recipe';
import type { ArtifactRef, ModelIdentity, PlannedAdapter, PlannedConfiguration } from '../experiment/plan';
import type { FinetuneResult } from '../workflows/activity-types';
import type { GpuDependencies } from './dependencies';
import { untilKept } from './keeping';
import { modelFor } from './models';
import { failureOf, runOperation, type GpuHeartbeat } from './operation';

export async function takeIn(
  dependencies: GpuDependencies,
  stored: StoredPlan,
  { name, recipeKey, adapter, cells, measurements = [] }: PlannedConfiguration,
): Promise<FinetuneResult> {
  const { store, trainer } = dependencies;
  const model = (cells[0] ?? measurements[0])?.context.model;
  if (adapter === undefined || recipeKey === null || model === undefined)
    throw new Error(`the plan names no adapter for ${name}`);
  const work: WorkKey = { stage: 'adapters', key: recipeKey };
  const standing = await withHeartbeat(`checking the adapter of ${name}`, () => intactAdapter(store, recipeKey));
  if (standing !== null) return resultOf(standing, true);
  return withLease(store, work, `taking in the adapter of ${name}`, async (renew) => {
    const state: GpuHeartbeat = { phase: 'starting', detail: `adapter of ${name}`, step: 0, of: 0, host: hostname() };
    const begin = async () => {
      const earlier = await store.attempts(work);
      await refuseHopeless(earlier);
      const attempt = await store.attempt(work, holderOf(Context.current().info).attempt);
      return { earlier, attempt, workspace: await attempt.workspace(), source: await sourceOf(store, adapter) };
    };
    const { earlier, attempt, workspace, source } = await withHeartbeat({ ...state }, begin, renew);
    const adapterFolder = join(workspace.path, 'adapter');
    try {
      const { committed, ready } = await runOperation(
        trainer,
        {
          op: 'adopt',
          model: await modelFor(dependencies.models, model, stored.modelFolder),
          identity: model satisfies ModelIdentity,
          source,
          sha256: adapter.sha256,
          adapterFolder,
        },
        state,
        renew,
      );
      const [host, at] = [hostname(), new Date().toISOString()];
      const others = earlier.filter(({ name }) => name !== attempt.name);
      // as a fine-tune's attempt is recorded: the report reads both
      const record = {
        attempt: attempt.name,
        attempts: others.length + 1,
        endings: await earlierAttempts(others),
        host,
        device: ready.device,
        versions: ready.versions,
        resumedFrom: null,
        seconds: committed.seconds,
        at,
      };
      const commit = async (): Promise<Manifest> => {
        const weights = await workspace.keep(join(adapterFolder, 'adapter_model.safetensors'));
        if (weights.sha256 !== adapter.sha256) throw new Error(`the adapter in ${adapterFolder} is not the pinned one`);
        return store.commit(work, {
          stage: 'adapters',
          key: recipeKey,
          results: { weights, config: await workspace.keep(join(adapterFolder, 'adapter_config.json')) },
          provenance: { attempt: await store.putBytes(JSON.stringify(record, null, 2) + '\n', '.json') },
          facts: { steps: null, source: adapterInWords(adapter), seconds: committed.seconds },
          committed: { attempt: attempt.name, host, at },
        });
      };
      return resultOf(await untilKept({ ...state }, commit, renew), false);
    } catch (error) {
      throw await failureOf(attempt, error);
    }
  });
}

/** Where it lies on this machine, or on the hub. */
async function sourceOf(
  store: Store,
  adapter: PlannedAdapter,
): Promise<{ path: string } | { hub: string; revision: string }> {
  if (adapter.kind === 'hub') return { hub: adapter.id, revision: adapter.revision };
  if (adapter.files === null) throw new Error('the plan names no files of its local adapter');
  const { weights, config } = adapter.files;
  const path = await store.checkOutFolder({ 'adapter_model.safetensors': weights, 'adapter_config.json': config });
  return { path };
}

function resultOf({ results, facts }: Manifest, reused: boolean): FinetuneResult {
  const { sha256 } = results['weights'] as ArtifactRef;
  return { reused, adapterSha256: sha256 satisfies Sha256, steps: 0, seconds: Number(facts['seconds'] ?? 0) };
}
