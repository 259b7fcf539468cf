/**
 * What the store holds of a cell: its completions and judgements, and what is still to be judged.
 */
import { sha256, type Sha256 } from '../experiment/canonical';
import type { Plan, PlannedCell, PlannedMetric, Question } from '../experiment/plan';
import { judgementId, type Completion, type Judgement, type JudgementRequest } from '../experiment/rows';
import { completionTasks } from '../experiment/shards';
import { judgementGroup, storedCompletions, storedJudgements } from '../artifacts/rows';
import type { Store } from '../artifacts/store';
import { readJournals } from './judge/journal';

export interface CellRows {
  cell: PlannedCell;
  questions: Question[];
  /** Exactly those that the cell asks for, sorted by id. */
  completions: Completion[];
  /** Likewise; also those of shards that are still open because some of their requests failed. */
  judgements: Judgement[];
  /** Every judgement that the present completions call for. */
  wanted: WantedJudgement[];
}

export interface WantedJudgement {
  metric: PlannedMetric;
  /** Store group: one per context and instrument. */
  group: string;
  request: JudgementRequest;
}

/** What `{question}` means: the words of the user, without any system message. */
function askedText(question: Question): string {
  const user = question.messages.filter(({ role }) => role === 'user').at(-1);
  if (user === undefined) throw new Error(`question ${question.id} has no user turn`);
  return user.content;
}

export async function readCell(store: Store, plan: Plan, cell: PlannedCell): Promise<CellRows> {
  const questions = plan.questionSets[cell.questionSet] ?? [];
  const byKey = new Map(questions.map((question) => [question.key, question]));
  const stored = await storedCompletions(store, cell);
  // a given cell's context holds its answers and no others, and not equally many to every question
  const present = cell.given
    ? [...stored.values()]
    : completionTasks(cell, questions).flatMap(({ id }) => stored.get(id) ?? []);
  const completions = present.sort((a, b) => (a.id < b.id ? -1 : 1));
  const wanted = cell.metrics.flatMap((metric) =>
    completions.flatMap((completion) => {
      const instrument = metric.instrumentOf[completion.question];
      const question = byKey.get(completion.question);
      if (instrument === undefined || question === undefined) return [];
      return Array.from({ length: metric.repeats }, (_, repeat) => ({
        metric,
        group: judgementGroup(cell, instrument),
        request: {
          id: judgementId(completion.id, sha256(completion.text.toWellFormed()), instrument, repeat),
          completion: completion.id,
          instrument,
          repeat,
          question: askedText(question),
          answer: completion.text,
        },
      }));
    }),
  );
  const judged = new Map<Sha256, Judgement>();
  for (const group of new Set(wanted.map(({ group: name }) => name))) {
    for (const work of await store.open('judgements', group)) {
      const journals = readJournals(await store.attemptFolders(work));
      for (const { row } of journals.finished.values()) judged.set(row.id, row);
    }
    for (const [id, row] of await storedJudgements(store, group)) judged.set(id, row);
  }
  const judgements = wanted
    .flatMap(({ request }) => judged.get(request.id) ?? [])
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return { cell, questions, completions, judgements, wanted };
}

/** Ids of the judgements that are committed (a journal's rows count only when their shard commits). */
export async function committedJudgements(store: Store, groups: Iterable<string>): Promise<Set<Sha256>> {
  const ids = new Set<Sha256>();
  for (const group of groups) for (const id of (await storedJudgements(store, group)).keys()) ids.add(id);
  return ids;
}
