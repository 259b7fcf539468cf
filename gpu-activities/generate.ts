/**
 * The generate activity: the missing completions of a cell, shard by shard; each shard commits whole.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { cellOf, configurationOf, loadPlan } from '../artifacts/plans';
import { adapterOf, fromJsonLines, storedCompletions, toJsonLines } from '../artifacts/rows';
import type { WorkKey } from '../artifacts/store';
import type { ArtifactRef, PlannedCell } from '../experiment/plan';
import type { Completion, CompletionProvenance } from '../experiment/rows';
import { completionTasks, shardsOf, type CompletionTask, type Shard } from '../experiment/shards';
import type { CellInput, GenerateResult } from '../workflows/activity-types';
import type { GpuDependencies } from './finetune';
import { refuseHopeless, recordAttempt } from './attempts';
import { holderOf, withLease } from '../artifacts/leases';
import { modelFor } from './models';
import { AttemptFailed, runOperation, toTemporalFailure, type GpuHeartbeat } from './operation';
import type { GenerateItem } from './protocol';

export async function generate(dependencies: GpuDependencies, input: CellInput): Promise<GenerateResult> {
  const { store } = dependencies;
  const started = Date.now();
  const stored = await loadPlan(store, input.plan);
  const cell = cellOf(stored, input.configuration, input.cell);
  const questions = stored.plan.questionSets[cell.questionSet] ?? [];
  const done = await storedCompletions(store, cell);
  const tasks = completionTasks(cell, questions);
  const shards = shardsOf(tasks, new Set(done.keys()), cell.context.sampling.batchSize);
  const missing = shards.reduce((sum, shard) => sum + shard.items.length, 0);

  const state: GpuHeartbeat = { phase: 'starting', detail: cell.id, step: 0, of: missing, host: hostname() };
  let finished = 0;
  for (const shard of shards) {
    await withLease(store, workOf(cell, shard), async (renew) => {
      if ((await store.manifest(workOf(cell, shard))) !== null) return;
      const shardState: GpuHeartbeat = { ...state };
      await makeShard(dependencies, input, cell, shard, shardState, finished, missing, renew);
    });
    finished += shard.items.length;
    state.step = finished;
  }
  const recipe = configurationOf(stored, input.configuration).recipeKey;
  if (recipe !== cell.context.recipe) throw new Error(`cell ${cell.id} does not belong to ${input.configuration}`);
  return { reused: tasks.length - missing, made: missing, seconds: (Date.now() - started) / 1000 };
}

function workOf(cell: PlannedCell, shard: Shard<CompletionTask>): WorkKey {
  return { stage: 'completions', group: cell.contextKey, key: shard.key };
}

async function makeShard(
  { store, trainer }: GpuDependencies,
  input: CellInput,
  cell: PlannedCell,
  shard: Shard<CompletionTask>,
  state: GpuHeartbeat,
  before: number,
  of: number,
  renew: () => void,
): Promise<void> {
  const stored = await loadPlan(store, input.plan);
  const work = workOf(cell, shard);
  const { attempt } = holderOf(Context.current().info);
  await refuseHopeless(await store.attemptFolders(work));
  const folder = await store.attemptFolder(work, attempt);
  const items: GenerateItem[] = shard.items.map(({ id, question, sample }) => ({
    id,
    question: question.key,
    sample,
    messages: question.messages,
  }));
  const itemsFile = join(folder, 'items.jsonl');
  await writeFile(itemsFile, toJsonLines(items));
  const out = join(folder, 'completions.jsonl');
  state.detail = `${cell.id}, completions ${before + 1}-${before + items.length} of ${of}`;

  let run;
  try {
    run = await runOperation(
      trainer,
      {
        op: 'generate',
        model: modelFor(cell.context.model, stored.modelFolder),
        adapter: await adapterFolder(input, cell, { store }),
        systemPrompt: cell.context.systemPrompt,
        sampling: cell.context.sampling,
        items: itemsFile,
        out,
      },
      state,
      renew,
    );
  } catch (error) {
    if (!(error instanceof AttemptFailed)) throw error;
    await recordAttempt(folder, { end: error.end, message: error.message, checkpointStep: null });
    throw toTemporalFailure(error);
  }

  const rows = fromJsonLines<Completion>(await readFile(out, 'utf8'));
  const adapter = (await adapterOf(store, cell.context.recipe)) ?? null;
  const expected = new Set(items.map(({ id }) => id));
  const strays = rows.filter((row) => !expected.delete(row.id) || row.adapter !== adapter);
  if (expected.size > 0 || strays.length > 0) {
    throw new Error(`the trainer wrote ${rows.length} completions for ${items.length} asked, ${strays.length} of them not asked for`);
  }
  const at = new Date().toISOString();
  const provenance: CompletionProvenance[] = rows.map(({ id }) => ({
    id,
    host: hostname(),
    attempt,
    device: run.ready.device,
    at,
  }));
  await store.commit(work, {
    stage: 'completions',
    key: shard.key,
    results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
    provenance: { rows: await store.putBytes(toJsonLines(provenance), '.jsonl') },
    facts: {
      adapter,
      completions: rows.length,
      tokens: rows.reduce((sum, row) => sum + row.tokens, 0),
      seconds: run.committed.seconds,
    },
    committed: { attempt, host: hostname(), at },
  });
}

async function adapterFolder(
  input: CellInput,
  cell: PlannedCell,
  { store }: Pick<GpuDependencies, 'store'>,
): Promise<{ path: string; sha256: string } | null> {
  const key = cell.context.recipe;
  if (key === null) return null;
  const manifest = await store.manifest({ stage: 'adapters', key });
  if (manifest === null) {
    throw ApplicationFailure.nonRetryable(`the adapter of ${input.configuration} is gone from the store; run again`, 'InvalidInput');
  }
  const weights = manifest.results['weights'] as ArtifactRef;
  return { path: dirname(await store.localPath(weights)), sha256: weights.sha256 };
}
