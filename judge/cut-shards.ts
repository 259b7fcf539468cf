/**
 * Cuts what is not judged yet of a cell into judge shards, each a file of requests in the store. On the way it scores what
 * rules score, and notes the answers without a final part, about which nobody is asked.
 */
import pLimit from 'p-limit';
import { configurationOf, isLocal, judgeOf, queueOf, queuesOf, type StoredPlan } from '../artifacts/plans';
import { toJsonLines } from '../artifacts/rows';
import type { Store } from '../artifacts/store';
import { Turns } from '../artifacts/turns';
import { canonicalJson, type Sha256 } from '../experiment/canonical';
import type { Plan, PlannedCell, PlannedMetric, Question } from '../experiment/plan';
import { requestsByInstrument } from '../experiment/requests';
import type { Completion, JudgementRequest } from '../experiment/rows';
import type { Spec } from '../experiment/spec';
import { BATCH_SHARD_SIZE, judgeShardSize, shardsOf } from '../experiment/shards';
import type { JudgePlan, JudgeShard } from '../workflows/activity-types';
import { fieldsNamed, isYesOrNo, type Scorer } from '../experiment/scorers';
import { committedJudgements, readWanted } from '../artifacts/cells';
import type { CutShard } from './paid-in-run';
import { commitCutOff, SCORER_SHARD_SIZE } from './scorers/commit';
import { scoreByRule } from './scorers/score-group';

/** Each is synced to the disk: one after the other they would be most of the planning. */
const FILES_AT_ONCE = 16;

export async function planJudging(store: Store, storedPlan: StoredPlan, cell: PlannedCell): Promise<JudgePlan> {
  const { plan, spec } = storedPlan;
  const { wanted, completions, questions } = await readWanted(store, plan, cell);
  const turns = new Turns();
  await turns.give();
  const groups = new Map<string, { metric: PlannedMetric; requests: JudgementRequest[] }>();
  for (const { group, metric, request } of wanted) {
    const known = groups.get(group);
    if (known) known.requests.push(request);
    else groups.set(group, { metric, requests: [request] });
    if (turns.due) await turns.give();
  }
  const done = await committedJudgements(store, groups.keys());
  const liveSize = liveShardSize(storedPlan, cell.configuration);
  await turns.give();
  const questionOf = questionFinder(questions, completions);
  await turns.give();
  const cutOff = new Set(completions.flatMap(({ id, finish }) => (finish === 'cut_off' ? [id] : [])));

  const shards: JudgeShard[] = [];
  for (const [group, { metric, requests: all }] of groups) {
    all.sort((a, b) => (a.id < b.id ? -1 : 1));
    await turns.give();
    const unanswerable = all.filter(({ completion }) => cutOff.has(completion));
    for (const { key, items } of shardsOf(unanswerable, done, SCORER_SHARD_SIZE)) {
      await commitCutOff(store, { stage: 'judgements', group, key }, metric.metric, items);
    }
    const requests = unanswerable.length === 0 ? all : all.filter(({ completion }) => !cutOff.has(completion));
    if (requests.length === 0) continue;
    const runtime = runtimeOf(spec, metric);
    const cut = isYesOrNo(metric.scorer)
      ? await scoreByRule(store, { group, scorer: scorerOf(plan, requests), requests, questionOf }, done)
      : shardsOf(requests, done, runtime.scorer ? SCORER_SHARD_SIZE : runtime.batch ? BATCH_SHARD_SIZE : liveSize);
    if (cut.length === 0) continue;
    const salvage = await cutDifferently(store, group, cut);
    const given = givenOf(plan, metric, questionOf);
    const stored = await pLimit(FILES_AT_ONCE).map(cut, async ({ key, items }) => ({
      group,
      key,
      metric: metric.metric,
      ...runtime,
      ...(salvage.length > 0 ? { salvage } : {}),
      requests: await store.putBytes(toJsonLines(items.map(given)), '.requests.jsonl'),
      count: items.length,
    }));
    shards.push(...stored);
  }
  const missing = shards.reduce((sum, { count }) => sum + count, 0);
  const reused = wanted.length - missing;
  if (shards.length === 0) return { reused, shards, cut: null };
  // a program of the experiment's own is paid nothing
  const asked = shards.filter(({ scorer }) => scorer === undefined);
  if (asked.length === 0) return { reused, shards, cut: null };
  const keys = asked.map(({ group, key, judge }): CutShard => ({ group, key, judge }));
  const text = keys.map((shard) => canonicalJson(shard) + '\n').join('');
  return { reused, shards, cut: await store.putBytes(text, '.cut.jsonl') };
}

function questionFinder(
  questions: readonly Question[],
  completions: readonly Completion[],
): (completion: Sha256) => Question {
  const byKey = new Map(questions.map((question) => [question.key, question]));
  const keys = new Map(completions.map(({ id, question }) => [id, question]));
  return (completion) => byKey.get(keys.get(completion) as Sha256) as Question;
}

/** A request as its judge or command gets it: with the question's fields where a command asks for some. */
function givenOf(
  { scorers = {} }: Plan,
  { scorer }: PlannedMetric,
  questionOf: (completion: Sha256) => Question,
): (request: JudgementRequest) => JudgementRequest {
  if (scorer !== 'command') return (request) => request;
  return (request) => {
    const by = scorers[request.instrument]?.by;
    if (by?.kind !== 'command' || by.fields === undefined) return request;
    return { ...request, fields: fieldsNamed(questionOf(request.completion).fields, by.fields) };
  };
}

/** A metric of rules has one scorer for all questions of a cell, so its group is the metric's. */
function scorerOf({ scorers = {} }: Plan, [first]: readonly JudgementRequest[]): Scorer {
  const found = first === undefined ? undefined : scorers[first.instrument];
  if (found === undefined) throw new Error(`the plan lacks the scorer ${first?.instrument}`);
  return found;
}

/** Begun shards of the group that are none of these: an earlier cut, whose journals hold what was paid for. */
async function cutDifferently(store: Store, group: string, cut: { key: Sha256 }[]): Promise<Sha256[]> {
  const keys = new Set(cut.map(({ key }) => key));
  const begun = await store.openWork('judgements', group);
  return begun.map(({ key }) => key).filter((key) => !keys.has(key));
}

/** One size for all live shards of a configuration, whatever of it is judged already. */
function liveShardSize(stored: StoredPlan, configuration: string): number {
  const counts: number[] = [];
  for (const cell of configurationOf(stored, configuration).cells) {
    const live = cell.metrics.filter(
      ({ judge, scorer }) => scorer === undefined && judgeOf(stored.spec, judge).mode === 'live',
    );
    counts.push(...requestsByInstrument({ ...cell, metrics: live }).values());
  }
  return judgeShardSize(counts);
}

/** What a shard says of its judge; the queue only where it is not the experiment's own. */
function runtimeOf(
  spec: Spec,
  { judge, scorer }: PlannedMetric,
): Pick<JudgeShard, 'judge' | 'queue' | 'batch' | 'local' | 'scorer'> {
  if (scorer !== undefined) return { judge, scorer: true };
  const queue = queueOf(spec, judge);
  return {
    judge,
    ...(queue === queuesOf(spec).judgeQueue ? {} : { queue }),
    ...(judgeOf(spec, judge).mode === 'batch' ? { batch: true as const } : {}),
    ...(isLocal(spec, judge) ? { local: true as const } : {}),
  };
}
