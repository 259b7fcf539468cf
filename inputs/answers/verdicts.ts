/**
 * The verdicts that a table's answers are to have and have, by the ids of judgements alone: a table is larger than what else
 * is read as a whole, so no answer's words are in memory here, and of a verdict what becomes columns.
 */
import { partRows } from '../../experiment/combined';
import type { Sha256 } from '../../experiment/canonical';
import type { PlannedMetric } from '../../experiment/plan';
import { repeatsOf } from '../../experiment/requests';
import { judgementId, type Judgement } from '../../experiment/rows';
import { judgementGroup, eachJudgement } from '../../artifacts/rows';
import { readJournals } from '../../artifacts/journal';
import type { Store } from '../../artifacts/store';
import type { JudgingPlan, PlannedAnswer } from './judging-plan';

/** What is written of a verdict. */
type Kept = Pick<Judgement, 'status' | 'score' | 'scores' | 'raw'>;

interface Request {
  /** The store's group of the verdict. */
  group: string;
  id: Sha256;
  metric: PlannedMetric;
  instrument: Sha256;
  repeat: number;
}

/** By the store's groups: a map has an end, which the verdicts on a large table together would reach. */
class ByGroup<T> {
  private readonly groups = new Map<string, Map<Sha256, T>>();

  set(group: string, id: Sha256, value: T): void {
    const own = this.groups.get(group) ?? new Map<Sha256, T>();
    this.groups.set(group, own);
    own.set(id, value);
  }

  get(group: string, id: Sha256): T | undefined {
    return this.groups.get(group)?.get(id);
  }
}

/** Whether every request has its verdict. */
export async function isJudged(store: Store, plan: JudgingPlan): Promise<boolean> {
  const verdicts = new ByGroup<true>();
  await eachVerdict(store, plan, (group, { id }) => verdicts.set(group, id, true));
  const requests = requestMaker();
  for (const answer of plan.answers())
    if (requests(answer).some(({ group, id }) => verdicts.get(group, id) === undefined)) return false;
  return true;
}

/** The verdicts on an answer, by metric and in the order of repeats; what the judge was not asked yet is not among them. */
export async function verdictsByAnswer(
  store: Store,
  plan: JudgingPlan,
): Promise<(answer: PlannedAnswer) => Map<string, Judgement[]>> {
  const kept = new ByGroup<Kept>();
  const texts = new Map<string, string>();
  await eachVerdict(store, plan, (group, { id, status, score, scores, raw }) => {
    // most judges say little, and the same again and again
    if (raw.length < 16 && !texts.has(raw)) texts.set(raw, raw);
    kept.set(group, id, { status, score, ...(scores === undefined ? {} : { scores }), raw: texts.get(raw) ?? raw });
  });
  const requests = requestMaker();
  return (answer) => {
    const found = new Map<string, Judgement[]>();
    for (const { group, id, metric, instrument, repeat } of requests(answer)) {
      const own = kept.get(group, id);
      if (own === undefined) continue;
      const row: Judgement = { ...own, id, completion: answer.id, metric: metric.metric, instrument, repeat };
      for (const part of partRows(row, metric.parts)) found.set(part.metric, [...(found.get(part.metric) ?? []), part]);
    }
    return found;
  };
}

/** Committed ones, then those in the journals of shards that are still open; some may be other answers'. */
async function eachVerdict(
  store: Store,
  plan: JudgingPlan,
  use: (group: string, row: Judgement) => void,
): Promise<void> {
  const groups = new Set<string>();
  for (const cell of plan.stored.plan.configurations.flatMap(({ cells }) => cells)) {
    for (const { instrumentOf } of cell.metrics)
      for (const instrument of new Set(Object.values(instrumentOf))) groups.add(judgementGroup(cell, instrument));
  }
  for (const group of groups) {
    for (const work of await store.openWork('judgements', group)) {
      const { finished } = await readJournals(await store.attempts(work));
      for (const { row } of finished.values()) use(group, row);
    }
    await eachJudgement(store, group, (row) => use(group, row));
  }
}

function requestMaker(): (answer: PlannedAnswer) => Request[] {
  const timesOf = new Map<PlannedMetric, (completion: Sha256) => number>();
  const times = (metric: PlannedMetric): ((completion: Sha256) => number) => {
    const known = timesOf.get(metric) ?? repeatsOf(metric);
    timesOf.set(metric, known);
    return known;
  };
  return ({ cell, question, answer, id: completion }) =>
    cell.metrics.flatMap((metric) => {
      const instrument = metric.instrumentOf[question];
      if (instrument === undefined) return [];
      const group = judgementGroup(cell, instrument);
      return Array.from({ length: times(metric)(completion) }, (_, repeat) => ({
        group,
        id: judgementId(completion, answer, instrument, repeat),
        ...{ metric, instrument, repeat },
      }));
    });
}
