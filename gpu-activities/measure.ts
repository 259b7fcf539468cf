/**
 * The measure activity: the log-probabilities of all pairs under one configuration and prompt condition, committed whole.
 * It takes seconds to a few minutes, so an interrupted one starts again.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { withHeartbeat } from '../activities/heartbeat';
import { withLease } from '../activities/leases';
import { measurementWork } from '../artifacts/measurements';
import { configurationOf, type StoredPlan } from '../artifacts/plans';
import { checkedRows } from '../artifacts/documents';
import { toJsonLines } from '../artifacts/rows';
import type { WorkKey } from '../artifacts/store';
import { askingOf, changesMessages } from '../experiment/asked';
import type { AnswerPair } from '../experiment/expand/pairs';
import type { PlannedMeasurement } from '../experiment/plan';
import type { MeasuredPair } from '../experiment/rows';
import type { MeasureInput, MeasureResult } from '../workflows/activity-types';
import type { GpuDependencies } from './dependencies';
import { adapterFolder, type Adapter } from './adapter-folder';
import { mergedAdapters } from './chain';
import { untilKept } from './keeping';
import { modelFor } from './models';
import type { GpuHeartbeat } from './operation';
import { permittedPlan } from './permitted-plan';
import { probeFacts } from './probe-facts';
import type { Operation } from './process/trainer-process';
import { runForRows } from './row-operation';
import { MEASURED_ROW } from './trainer-rows';

export async function measure(dependencies: GpuDependencies, input: MeasureInput): Promise<MeasureResult> {
  const { store } = dependencies;
  const started = Date.now();
  const stored = await permittedPlan(dependencies, input.plan);
  const { pairs } = stored.plan;
  const configuration = configurationOf(stored, input.configuration);
  const { measurements = [] } = configuration;
  const measurement = measurements.find(({ condition }) => condition === input.condition);
  if (pairs?.rows == null || measurement === undefined) {
    throw new Error(`the plan measures nothing of ${input.configuration} under the condition ${input.condition}`);
  }
  const state: GpuHeartbeat = {
    phase: 'starting',
    detail: `log-probabilities of ${input.configuration}, ${input.condition}`,
    step: 0,
    of: pairs.count,
    host: hostname(),
  };
  const adapter = await withHeartbeat(state, () =>
    adapterFolder(store, { id: input.configuration }, measurement.context.recipe),
  );
  const merged = await withHeartbeat(state, () => mergedAdapters(store, configuration));
  const work = measurementWork(measurement, adapter?.sha256 ?? null);
  const result = (reused: boolean): MeasureResult => ({
    reused,
    pairs: pairs.count,
    seconds: (Date.now() - started) / 1000,
  });
  if ((await withHeartbeat(state, () => store.manifest(work))) !== null) return result(true);
  const { rows } = pairs;
  const file = await withHeartbeat(state, () => store.checkOut(rows));
  return withLease(store, work, state, async (renew) => {
    if ((await withHeartbeat(state, () => store.manifest(work), renew)) !== null) return result(true);
    await measureAll(dependencies, { stored, measurement, work, adapter, merged, file }, state, renew);
    return result(false);
  });
}

interface ToMeasure {
  stored: StoredPlan;
  measurement: PlannedMeasurement;
  work: WorkKey;
  adapter: Adapter | null;
  /** Merged into the base model before. */
  merged: Adapter[];
  /** The pairs. */
  file: string;
}

async function measureAll(
  dependencies: GpuDependencies,
  { stored, measurement, work, adapter, merged, file: pairs }: ToMeasure,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<void> {
  const { store } = dependencies;
  const { model, precision, quantization } = measurement.context;
  const { systemPrompt, messagesOf } = askingOf(measurement.context, stored.plan.pools);
  const asked = checkedRows<AnswerPair>(await readFile(pairs, 'utf8'), pairs);
  const operation = async (folder: string, out: string): Promise<Operation> => {
    const own = changesMessages(measurement.context) ? join(folder, 'pairs.jsonl') : null;
    if (own !== null)
      await writeFile(
        own,
        toJsonLines(asked.map((pair) => ({ ...pair, messages: messagesOf({ ...pair, key: pair.id }) }))),
      );
    const source = await modelFor(dependencies.models, model, stored.modelFolder);
    const before = merged.length === 0 ? {} : { merged };
    const form = quantization === undefined ? { precision } : { precision, quantization };
    const given = { model: source, adapter, ...before, systemPrompt, ...form };
    return { op: 'measure', ...given, pairs: own ?? pairs, out };
  };
  const nouns = { written: 'rows', asked: 'pairs' };
  const { rows, attempt, committed, ready } = await runForRows<MeasuredPair>(
    dependencies,
    { work, file: 'measured.jsonl', shape: MEASURED_ROW, asked, adapter, nouns, operation },
    state,
    renew,
  );
  const [host, at] = [hostname(), new Date().toISOString()];
  const provenance = { attempt, host, device: ready.device, versions: ready.versions, at };
  const commit = async () =>
    store.commit(work, {
      stage: 'measurements',
      key: work.key,
      results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
      provenance: { attempt: await store.putBytes(JSON.stringify(provenance, null, 2) + '\n', '.json') },
      facts: {
        adapter: adapter?.sha256 ?? null,
        pairs: rows.length,
        tokens: committed.tokens ?? null,
        tokensPerForward: committed.tokensPerForward ?? null,
        ...probeFacts(committed.probe),
        seconds: committed.seconds,
      },
      committed: { attempt, host, at },
    });
  await untilKept({ ...state }, commit, renew);
}
