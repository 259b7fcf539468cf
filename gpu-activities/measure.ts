/**
 * The measure activity: the log-probabilities of all pairs, or of the answers to all questions, under one configuration and
 * prompt condition, committed whole. It takes seconds to a few minutes, so an interrupted one starts again.
 */
import { hostname } from 'node:os';
import { withHeartbeat } from '../activities/heartbeat';
import { withLease } from '../activities/leases';
import { measurementWork } from '../artifacts/measurements';
import { configurationOf, type StoredPlan } from '../artifacts/plans';
import { InvalidReference } from '../artifacts/reference';
import { toJsonLines } from '../artifacts/rows';
import type { WorkKey } from '../artifacts/store';
import { isOfAnswers, measurementName } from '../experiment/measurements';
import type { PlannedMeasurement } from '../experiment/plan';
import type { MeasuredAnswers, MeasuredPair } from '../experiment/rows';
import type { MeasureInput, MeasureResult } from '../workflows/activity-types';
import type { GpuDependencies } from './dependencies';
import { adapterFolder, type Adapter } from './adapter-folder';
import { mergedAdapters } from './chain';
import { untilKept } from './keeping';
import { answersToMeasure } from './measure-answers';
import { pairsToMeasure } from './measure-pairs';
import { modelFor } from './models';
import type { GpuHeartbeat } from './operation';
import { permittedPlan } from './permitted-plan';
import { probeFacts } from './probe-facts';
import type { Operation } from './process/trainer-process';
import { runForRows } from './row-operation';
import type { ToMeasure } from './to-measure';

export async function measure(dependencies: GpuDependencies, input: MeasureInput): Promise<MeasureResult> {
  const { store } = dependencies;
  const started = Date.now();
  const stored = await permittedPlan(dependencies, input.plan);
  const configuration = configurationOf(stored, input.configuration);
  const { measurements = [] } = configuration;
  const measurement = measurements.find((each) => measurementName(each) === input.condition);
  if (measurement === undefined) throw nothingOf(input);
  const { pairs } = stored.plan;
  const what = isOfAnswers(measurement) ? 'probabilities of answers' : 'log-probabilities';
  const count = isOfAnswers(measurement) ? measurement.questions : (pairs?.count ?? 0);
  const state: GpuHeartbeat = {
    phase: 'starting',
    detail: `${what} of ${input.configuration}, ${input.condition}`,
    step: 0,
    of: count,
    host: hostname(),
  };
  const adapter = await withHeartbeat(state, () =>
    adapterFolder(store, { id: input.configuration }, measurement.context.recipe),
  );
  const merged = await withHeartbeat(state, () => mergedAdapters(store, configuration));
  const work = measurementWork(measurement, adapter?.sha256 ?? null);
  const result = (reused: boolean): MeasureResult => ({
    reused,
    pairs: count,
    seconds: (Date.now() - started) / 1000,
  });
  if ((await withHeartbeat(state, () => store.manifest(work))) !== null) return result(true);
  const pairsFile = async (): Promise<string> => {
    if (pairs?.rows == null) throw nothingOf(input);
    return store.checkOut(pairs.rows);
  };
  const toMeasure = isOfAnswers(measurement)
    ? answersToMeasure(stored, measurement)
    : await pairsToMeasure(stored, measurement, await withHeartbeat(state, pairsFile));
  return withLease(store, work, state, async (renew) => {
    if ((await withHeartbeat(state, () => store.manifest(work), renew)) !== null) return result(true);
    await measureAll(dependencies, { stored, measurement, toMeasure, work, adapter, merged }, state, renew);
    return result(false);
  });
}

/** The condition comes from whoever started the workflow, and a plan never gets more of them. */
function nothingOf({ configuration, condition }: MeasureInput): InvalidReference {
  return new InvalidReference(`the plan measures nothing of ${configuration} under the condition ${condition}`);
}

interface Measuring {
  stored: StoredPlan;
  measurement: PlannedMeasurement;
  toMeasure: ToMeasure;
  work: WorkKey;
  adapter: Adapter | null;
  /** Merged into the base model before. */
  merged: Adapter[];
}

async function measureAll(
  dependencies: GpuDependencies,
  { stored, measurement, toMeasure, work, adapter, merged }: Measuring,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<void> {
  const { store } = dependencies;
  const { model, precision, quantization } = measurement.context;
  const { asked, nouns, shape, command } = toMeasure;
  const operation = async (folder: string, out: string): Promise<Operation> => {
    const source = await modelFor(dependencies.models, model, stored.modelFolder);
    const before = merged.length === 0 ? {} : { merged };
    const form = quantization === undefined ? { precision } : { precision, quantization };
    return { ...(await command(folder, { model: source, adapter, ...before, ...form })), out };
  };
  const { rows, attempt, committed, ready } = await runForRows<MeasuredPair | MeasuredAnswers>(
    dependencies,
    { work, file: 'measured.jsonl', shape, asked, adapter, nouns, operation },
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
        [isOfAnswers(measurement) ? 'questions' : 'pairs']: rows.length,
        tokens: committed.tokens ?? null,
        tokensPerForward: committed.tokensPerForward ?? null,
        ...probeFacts(committed.probe),
        seconds: committed.seconds,
      },
      committed: { attempt, host, at },
    });
  await untilKept({ ...state }, commit, renew);
}
