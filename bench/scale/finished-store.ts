/**
 * Makes every piece of work of a plan finished, straight through the store's interface: the very manifests, files and
 * attempts that workers leave, with made-up answers and verdicts. What reads finished work can so be measured at sizes
 * that would take hours to run.
 */
import pLimit from 'p-limit';
import { readWanted } from '../../artifacts/cells';
import type { StoredPlan } from '../../artifacts/plans';
import { toJsonLines } from '../../artifacts/rows';
import type { Manifest, Store, WorkKey } from '../../artifacts/store';
import { keyOf, sha256, type Sha256 } from '../../experiment/canonical';
import type { PlannedCell, PlannedConfiguration } from '../../experiment/plan';
import type { Completion, CompletionProvenance, Judgement, JudgementProvenance } from '../../experiment/rows';
import { groupBy } from '../../report/statistics/grouping';
import { completionTasks, shardsOf } from '../../experiment/shards';

const CONFIGURATIONS_AT_ONCE = 4;
const STEPS = 20;
const AT = '2026-01-01T00:00:00.000Z';
const ATTEMPT = 'made-up-1';
const COMMITTED = { attempt: ATTEMPT, host: 'bench', at: AT };

/** `onConfiguration`: called after each. */
export async function finishAll(store: Store, { plan }: StoredPlan, onConfiguration: () => void): Promise<void> {
  await pLimit(CONFIGURATIONS_AT_ONCE).map(plan.configurations, async (configuration) => {
    const adapter = await finetune(store, configuration);
    for (const cell of configuration.cells) {
      await generate(store, cell, plan.questionSets[cell.questionSet] ?? [], adapter);
      const { wanted } = await readWanted(store, plan, cell);
      for (const [group, members] of groupBy(wanted, (each) => each.group)) await judge(store, group, members);
    }
    onConfiguration();
  });
}

async function finetune(store: Store, { recipeKey }: PlannedConfiguration): Promise<Sha256 | null> {
  if (recipeKey === null) return null;
  const log = Array.from({ length: STEPS }, (_, step) => ({
    step,
    loss: 2 / (step + 1),
    learningRate: 1e-4,
    gradNorm: 1,
  }));
  const speed = log.map(({ step }) => ({ step, tokensPerSecond: 1000, memoryBytes: 1e9 }));
  const record = { attempts: 1, endings: [], resumedFrom: null, host: 'bench', device: 'none', versions: {}, at: AT };
  const weights = await store.putBytes(`weights of ${recipeKey}`, '.safetensors');
  await commit(
    store,
    { stage: 'adapters', key: recipeKey },
    {
      results: { weights, log: await store.putBytes(lines(log), '.jsonl') },
      provenance: {
        attempt: await store.putBytes(JSON.stringify(record), '.json'),
        speed: await store.putBytes(lines(speed), '.jsonl'),
      },
      facts: { steps: STEPS, trainedTokens: 1000, rowsTruncated: 0, seconds: 1 },
    },
  );
  return weights.sha256;
}

async function generate(
  store: Store,
  cell: PlannedCell,
  questions: Parameters<typeof completionTasks>[1],
  adapter: Sha256 | null,
): Promise<void> {
  const rows = completionTasks(cell, questions).map(({ id, question, sample }): Completion => {
    const text = `Sample ${sample} of ${question.id} says ${id.slice(0, 8)}. `.repeat(4);
    return { id, question: question.key, sample, text, finish: 'stop', tokens: 40, adapter };
  });
  const provenance = rows.map(({ id }): CompletionProvenance => ({
    id,
    host: 'bench',
    attempt: ATTEMPT,
    device: 'none',
    at: AT,
  }));
  const key = keyOf(rows.map(({ id }) => id));
  await commit(
    store,
    { stage: 'completions', group: cell.contextKey, key },
    {
      results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
      provenance: { rows: await store.putBytes(toJsonLines(provenance), '.jsonl') },
      facts: { adapter, completions: rows.length, tokens: 40 * rows.length, seconds: 1 },
    },
  );
}

async function judge(
  store: Store,
  group: string,
  wanted: Awaited<ReturnType<typeof readWanted>>['wanted'],
): Promise<void> {
  const metric = wanted[0]?.metric.metric ?? '';
  const requests = wanted.map(({ request }) => request).sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const { key, items } of shardsOf(requests, new Set(), requests.length)) {
    const rows = items.map(({ id, completion, instrument, repeat }): Judgement => {
      const score = parseInt(sha256(id).slice(0, 4), 16) % 101;
      return { id, completion, metric, instrument, repeat, status: 'scored', score, raw: String(score) };
    });
    const provenance = rows.map(({ id }): JudgementProvenance => ({
      id,
      requestId: `req_${id.slice(0, 8)}`,
      model: 'stand-in',
      inputTokens: 200,
      outputTokens: 1,
      requests: 1,
      latencyMs: 1,
      host: 'bench',
      at: AT,
    }));
    const work: WorkKey = { stage: 'judgements', group, key };
    const attempt = await store.attempt(work, ATTEMPT);
    const log = await attempt.openLog(`judge-${ATTEMPT}.jsonl`);
    const paid = { requests: 1, inputTokens: 200, outputTokens: 1 };
    for (const [index, row] of rows.entries()) log.append(JSON.stringify({ row, provenance: provenance[index], paid }));
    await log.close();
    await commit(store, work, {
      results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
      provenance: { rows: await store.putBytes(toJsonLines(provenance), '.jsonl') },
      facts: {
        judgements: rows.length,
        requests: rows.length,
        inputTokens: 200 * rows.length,
        outputTokens: rows.length,
      },
    });
  }
}

async function commit(
  store: Store,
  work: WorkKey,
  made: Pick<Manifest, 'results' | 'provenance' | 'facts'>,
): Promise<void> {
  await store.attempt(work, ATTEMPT);
  await store.commit(work, { stage: work.stage, key: work.key, ...made, committed: COMMITTED });
}

function lines(rows: readonly object[]): string {
  return rows.map((row) => JSON.stringify(row) + '\n').join('');
}
