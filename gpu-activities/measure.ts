/**
 * The measure activity: the log-probabilities of all pairs under one configuration and prompt condition, committed whole.
 * It takes seconds to a few minutes, so an interrupted one starts again.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { refuseHopeless } from '../activities/attempts';
import { holderOf, withLease } from '../activities/leases';
import { measurementWork } from '../artifacts/measurements';
import { configurationOf, loadPlan, type StoredPlan } from '../artifacts/plans';
import { fromJsonLines, toJsonLines } from '../artifacts/rows';
import type { Store, WorkKey } from '../artifacts/store';
import type { Sha256 } from '../experiment/canonical';
import type { PlannedMeasurement } from '../experiment/plan';
import type { MeasuredPair } from '../experiment/rows';
import type { MeasureInput, MeasureResult } from '../workflows/activity-types';
import type { GpuDependencies } from './dependencies';
import { adapterFolder, type Adapter } from './generate';
import { modelFor } from './models';
import { failureOf, runOperation, type Committed, type GpuHeartbeat } from './operation';
import { checkRows } from './check-output';
import type { Ready } from './process/trainer-process';

export async function measure(dependencies: GpuDependencies, input: MeasureInput): Promise<MeasureResult> {
  const { store } = dependencies;
  const started = Date.now();
  const stored = await loadPlan(store, input.plan);
  const { pairs } = stored.plan;
  const { measurements = [] } = configurationOf(stored, input.configuration);
  const measurement = measurements.find(({ condition }) => condition === input.condition);
  if (pairs?.rows == null || measurement === undefined) {
    throw new Error(`the plan measures nothing of ${input.configuration} under the condition ${input.condition}`);
  }
  const adapter = await adapterFolder(store, { id: input.configuration }, measurement.context.recipe);
  const work = measurementWork(measurement, adapter?.sha256 ?? null);
  const result = (reused: boolean): MeasureResult => ({
    reused,
    pairs: pairs.count,
    seconds: (Date.now() - started) / 1000,
  });
  if ((await store.manifest(work)) !== null) return result(true);
  const file = await store.checkOut(pairs.rows);
  return withLease(store, work, async (renew) => {
    if ((await store.manifest(work)) !== null) return result(true);
    const state: GpuHeartbeat = {
      phase: 'starting',
      detail: `log-probabilities of ${input.configuration}, ${input.condition}`,
      step: 0,
      of: pairs.count,
      host: hostname(),
    };
    await measureAll(dependencies, { stored, measurement, work, adapter, file }, state, renew);
    return result(false);
  });
}

interface ToMeasure {
  stored: StoredPlan;
  measurement: PlannedMeasurement;
  work: WorkKey;
  adapter: Adapter | null;
  /** The pairs. */
  file: string;
}

async function measureAll(
  { store, trainer, models }: GpuDependencies,
  { stored, measurement, work, adapter, file }: ToMeasure,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<void> {
  await refuseHopeless(await store.attempts(work));
  const attempt = await store.attempt(work, holderOf(Context.current().info).attempt);
  const out = join((await attempt.workspace()).path, 'measured.jsonl');
  const { model, systemPrompt, precision } = measurement.context;
  let run;
  try {
    run = await runOperation(
      trainer,
      {
        op: 'measure',
        model: await modelFor(models, model, stored.modelFolder),
        adapter,
        systemPrompt,
        precision,
        pairs: file,
        out,
      },
      state,
      renew,
    );
  } catch (error) {
    throw await failureOf(attempt, error);
  }
  const rows = fromJsonLines<MeasuredPair>(await readFile(out, 'utf8'));
  const asked = fromJsonLines<{ id: Sha256 }>(await readFile(file, 'utf8'));
  checkRows(rows, asked, adapter, { written: 'rows', asked: 'pairs' });
  await commit(store, work, attempt.name, { rows, adapter, ...run });
}

interface Measured {
  rows: MeasuredPair[];
  adapter: Adapter | null;
  committed: Committed;
  ready: Ready;
}

async function commit(store: Store, work: WorkKey, attempt: string, measured: Measured): Promise<void> {
  const { rows, adapter, committed, ready } = measured;
  const [host, at] = [hostname(), new Date().toISOString()];
  const provenance = { attempt, host, device: ready.device, versions: ready.versions, at };
  await store.commit(work, {
    stage: 'measurements',
    key: work.key,
    results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
    provenance: { attempt: await store.putBytes(JSON.stringify(provenance, null, 2) + '\n', '.json') },
    facts: {
      adapter: adapter?.sha256 ?? null,
      pairs: rows.length,
      tokens: committed.tokens ?? null,
      tokensPerForward: committed.tokensPerForward ?? null,
      seconds: committed.seconds,
    },
    committed: { attempt, host, at },
  });
}
