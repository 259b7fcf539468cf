/**
 * The generate activity: the missing completions of a cell, shard by shard; each shard commits whole.
 */
import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { cellOf, configurationOf, type StoredPlan } from '../artifacts/plans';
import { storedCompletionIds, toJsonLines } from '../artifacts/rows';
import type { WorkKey } from '../artifacts/store';
import { askingOf } from '../experiment/asked';
import { keyOf } from '../experiment/canonical';
import { adapterKeyOf } from '../experiment/kept-steps';
import type { PlannedCell, Sampling } from '../experiment/plan';
import type { Completion, CompletionProvenance } from '../experiment/rows';
import { completionTasks, shardsOf, type CompletionTask, type Shard } from '../experiment/shards';
import type { CellInput, GenerateResult } from '../workflows/activity-types';
import { adapterFolder, type Adapter } from './adapter-folder';
import { mergedAdapters } from './chain';
import type { GpuDependencies } from './dependencies';
import { withHeartbeat } from '../activities/heartbeat';
import { withLease } from '../activities/leases';
import { untilKept } from './keeping';
import { modelFor } from './models';
import type { GpuHeartbeat } from './operation';
import { permittedPlan } from './permitted-plan';
import { probeFacts } from './probe-facts';
import type { GenerateItem } from './process/protocol';
import type { Operation } from './process/trainer-process';
import { runForRows } from './row-operation';
import { COMPLETION_ROW } from './trainer-rows';

export async function generate(dependencies: GpuDependencies, input: CellInput): Promise<GenerateResult> {
  const { store } = dependencies;
  const started = Date.now();
  const stored = await permittedPlan(dependencies, input.plan);
  const cell = cellOf(stored, input.configuration, input.cell);
  const configuration = configurationOf(stored, input.configuration);
  const adapterKey = adapterKeyOf(configuration.recipeKey, cell);
  if (adapterKey !== cell.context.recipe) throw new Error(`cell ${cell.id} does not belong to ${input.configuration}`);
  const state: GpuHeartbeat = { phase: 'starting', detail: cell.id, step: 0, of: 0, host: hostname() };
  const adapter = await withHeartbeat(state, () => adapterFolder(store, cell, adapterKey));
  const merged = await withHeartbeat(state, () => mergedAdapters(store, configuration));
  const questions = stored.plan.questionSets[cell.questionSet] ?? [];
  const done = await withHeartbeat(state, () => storedCompletionIds(store, cell));
  const tasks = completionTasks(cell, questions);
  const shards = shardsOf(tasks, done, shardSize(cell.context.sampling));
  const missing = shards.reduce((sum, shard) => sum + shard.items.length, 0);

  state.of = missing;
  let finished = 0;
  for (const shard of shards) {
    const work = workOf(cell, shard, adapter);
    await withLease(store, work, { ...state }, async (renew) => {
      if ((await withHeartbeat({ ...state }, () => store.manifest(work), renew)) !== null) return;
      await makeShard(
        dependencies,
        { stored, cell, work, shard, adapter, merged, finished, missing },
        { ...state },
        renew,
      );
    });
    finished += shard.items.length;
    state.step = finished;
  }
  return { reused: tasks.length - missing, made: missing, seconds: (Date.now() - started) / 1000 };
}

/**
 * Answers that commit together. A continuous batch empties only at a shard's end, so its shards are larger; what a
 * preemption can cost is then a minute or two of one GPU.
 */
const BATCHES_PER_SHARD = 4;

function shardSize({ batchSize, batching }: Sampling): number {
  return batching === 'continuous' ? batchSize * BATCHES_PER_SHARD : batchSize;
}

/** An adapter that was lost and trained again may have other bytes: its completions are other work than the old one's. */
function workOf(cell: PlannedCell, shard: Shard<CompletionTask>, adapter: Adapter | null): WorkKey {
  return {
    stage: 'completions',
    group: cell.contextKey,
    key: keyOf({ shard: shard.key, adapter: adapter?.sha256 ?? null }),
  };
}

interface ShardToMake {
  stored: StoredPlan;
  cell: PlannedCell;
  work: WorkKey;
  shard: Shard<CompletionTask>;
  adapter: Adapter | null;
  /** Merged into the base model before. */
  merged: Adapter[];
  /** Completions of the cell that were missing, and how many of them the shards before this one have made. */
  missing: number;
  finished: number;
}

async function makeShard(
  dependencies: GpuDependencies,
  { stored, cell, work, shard, adapter, merged, missing, finished }: ShardToMake,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<void> {
  const { store } = dependencies;
  const { model, sampling, prefill } = cell.context;
  const { systemPrompt, messagesOf, memberOf } = askingOf(cell.context, stored.plan.pools);
  const asked: GenerateItem[] = shard.items.map(({ id, question, sample }) => ({
    id,
    question: question.key,
    sample,
    messages: messagesOf(question),
  }));
  state.detail = `${cell.id}, completions ${finished + 1}-${finished + asked.length} of ${missing}`;
  const operation = async (folder: string, out: string): Promise<Operation> => {
    const items = join(folder, 'items.jsonl');
    await writeFile(items, toJsonLines(asked));
    const source = await modelFor(dependencies.models, model, stored.modelFolder);
    const before = merged.length === 0 ? {} : { merged };
    const begun = prefill === undefined ? {} : { prefill };
    return { op: 'generate', model: source, adapter, ...before, systemPrompt, ...begun, sampling, items, out };
  };
  const nouns = { written: 'completions', asked: 'asked' };
  const { rows, attempt, committed, ready } = await runForRows<Completion>(
    dependencies,
    { work, file: 'completions.jsonl', shape: COMPLETION_ROW, asked, adapter, nouns, operation },
    state,
    renew,
  );
  const at = new Date().toISOString();
  const members = new Map(shard.items.map(({ id, question }) => [id, memberOf(question)]));
  const provenance = rows.map(({ id }): CompletionProvenance => {
    const prompt = members.get(id) ?? null;
    const made = { id, host: hostname(), attempt, device: ready.device, at };
    return prompt === null ? made : { ...made, prompt };
  });
  const commit = async () =>
    store.commit(work, {
      stage: 'completions',
      key: work.key,
      results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
      provenance: { rows: await store.putBytes(toJsonLines(provenance), '.jsonl') },
      facts: {
        adapter: adapter?.sha256 ?? null,
        engine: committed.engine ?? null,
        slots: committed.slots ?? null,
        completions: rows.length,
        withSpecialTokens: committed.withSpecialTokens ?? null,
        tokens: rows.reduce((sum, row) => sum + row.tokens, 0),
        ...probeFacts(committed.probe),
        seconds: committed.seconds,
      },
      committed: { attempt, host: hostname(), at },
    });
  await untilKept({ ...state }, commit, renew);
}
