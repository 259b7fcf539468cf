/**
 * What the store holds of a cell: its completions and judgements, and what is still to be judged.
 */
import { withUserText } from '../experiment/asked';
import { sha256, type Sha256 } from '../experiment/canonical';
import { flattenMetrics, partRows } from '../experiment/combined';
import { MAIN_JUDGE } from '../experiment/main-judge';
import type { Plan, PlannedCell, PlannedMetric, Question, UserAffixes } from '../experiment/plan';
import { repeatsOf, requestsOf } from '../experiment/requests';
import {
  judgementId,
  type Completion,
  type Judgement,
  type JudgementProvenance,
  type JudgementRequest,
} from '../experiment/rows';
import { completionTasksInSteps } from '../experiment/shards';
import {
  completionsOf,
  eachJudgement,
  judgementGroup,
  judgementProvenanceOf,
  judgementsOf,
  storedCompletionShards,
  withoutDamaged,
} from './rows';
import type { Store } from './store';
import { Turns } from './turns';
import { readJournals } from './journal';

export interface CellRows {
  /**
   * The cell as the report sees it: metrics of the file's `judge` only, combined ones as their parts, and `judgements`
   * counted in their rows.
   */
  cell: PlannedCell;
  /** The cell as it is planned: all judges, counted in requests. */
  planned: PlannedCell;
  questions: Question[];
  /** Exactly those that the cell asks for, sorted by id. */
  completions: Completion[];
  /**
   * Verdicts of the file's `judge`, a row a metric, sorted by id; also those of shards that are still open because some
   * of their requests failed.
   */
  judgements: Judgement[];
  /** The further judges' verdicts in the same form, by the judge's name. */
  others: Record<string, Judgement[]>;
  /** Requests of all judges that have their verdict; `planned.judgements` is how many there should be. */
  judged: number;
  /** Their ids. */
  answered: ReadonlySet<Sha256>;
  /** Every request that the present completions call for, of all judges. */
  wanted: WantedJudgement[];
}

export interface WantedJudgement {
  metric: PlannedMetric;
  /** Store group: one per context and instrument. */
  group: string;
  /** Its texts are those of the completions and questions, by reference: a text is in memory once. */
  request: JudgementRequest;
}

/**
 * What `{question}` means: the words of the user, without any system message. `user`: what was put around them, where the
 * judge is to see the question as it was asked.
 */
function askedText(question: Question, around?: UserAffixes): string {
  const user = withUserText(question.messages, around)
    .filter(({ role }) => role === 'user')
    .at(-1);
  if (user === undefined) throw new Error(`question ${question.id} has no user turn`);
  return user.content;
}

/** What a cell asks its judges. */
export type Wanted = Pick<CellRows, 'questions' | 'completions' | 'wanted'>;

/**
 * What was read last of a cell in a plan that is remembered, for as long as nothing else wants the memory: planning,
 * cutting, publishing and reporting follow each other, and hashing every answer is most of their work. `of`: the files
 * that it came from.
 */
const recent = new WeakMap<PlannedCell, { of: string; wanted: WeakRef<Wanted> }>();

/** From the completions that are there. Nothing of a judgement itself is read. Nobody changes what is returned. */
export async function readWanted(store: Store, plan: Plan, cell: PlannedCell): Promise<Wanted> {
  const shards = await storedCompletionShards(store, cell);
  const of = [store.id, ...shards.map(({ results }) => results['rows']?.sha256)].join(' ');
  const known = recent.get(cell);
  const kept = known?.of === of ? known.wanted.deref() : undefined;
  if (kept !== undefined) return kept;
  const { rows, open } = await completionsOf(store, cell, shards);
  const wanted = await wantedOf(plan, cell, rows);
  // what was damaged comes back with the same hashes
  if (open.length === 0) recent.set(cell, { of, wanted: new WeakRef(wanted) });
  return wanted;
}

/** What is judged of an answer, and its SHA-256. */
interface ShownAnswer {
  answer: string;
  hash: Sha256;
}

async function answersAs(
  completions: readonly Completion[],
  part: (completion: Completion) => string,
  turns: Turns,
): Promise<Map<Sha256, ShownAnswer>> {
  const answers = new Map<Sha256, ShownAnswer>();
  for (const completion of completions) {
    const answer = part(completion);
    answers.set(completion.id, { answer, hash: sha256(answer.toWellFormed()) });
    if (turns.due) await turns.give();
  }
  return answers;
}

/** `stored`: the completions of the cell's context. A cell may have a million, so others get their turn in between. */
export async function wantedOf(
  plan: Plan,
  cell: PlannedCell,
  stored: ReadonlyMap<Sha256, Completion>,
): Promise<Wanted> {
  const questions = plan.questionSets[cell.questionSet] ?? [];
  // a plan of which nothing is done may ask for millions, whose ids are most of the work
  if (stored.size === 0) return { questions, completions: [], wanted: [] };
  const texts = new Map(questions.map((question) => [question.key, askedText(question)]));
  const { user } = cell.context;
  const around = user && new Map(questions.map((question) => [question.key, askedText(question, user)]));
  const turns = new Turns();
  await turns.give();
  let adapter: Completion['adapter'] = null;
  const completions: Completion[] = [];
  const tasks = await turns.through(completionTasksInSteps(cell, questions));
  for (const { id, question } of tasks) {
    if (turns.due) await turns.give();
    const row = stored.get(id);
    if (row === undefined) continue;
    // hashes are in memory once, as in rowsOf
    if (row.adapter === adapter) row.adapter = adapter;
    adapter = row.adapter;
    completions.push(Object.assign(row, { id, question: question.key }));
  }
  completions.sort((a, b) => (a.id < b.id ? -1 : 1));
  await turns.give();
  const finals = await answersAs(completions, ({ text }) => text, turns);
  let wholes: typeof finals | undefined;
  const wanted: WantedJudgement[] = [];
  for (const metric of cell.metrics) {
    const times = repeatsOf(metric);
    for (const completion of completions) {
      const instrument = metric.instrumentOf[completion.question];
      if (instrument === undefined) continue;
      const by = plan.instruments[instrument];
      const question = (by?.judgeSees === 'asked' ? (around ?? texts) : texts).get(completion.question);
      if (question === undefined) continue;
      const group = judgementGroup(cell, instrument);
      const isWhole = (by ?? plan.scorers?.[instrument])?.answerPart === 'all';
      if (isWhole) wholes ??= await answersAs(completions, ({ thinking = '', text }) => thinking + text, turns);
      const { answer, hash } = (isWhole ? wholes : finals)?.get(completion.id) as ShownAnswer;
      for (let repeat = 0; repeat < times(completion.id); repeat++) {
        const id = judgementId(completion.id, hash, instrument, repeat);
        const request = { id, completion: completion.id, instrument, repeat, question, answer };
        wanted.push({ metric, group, request });
      }
      if (turns.due) await turns.give();
    }
  }
  return { questions, completions, wanted };
}

export async function readCell(store: Store, plan: Plan, planned: PlannedCell): Promise<CellRows> {
  const read = await readWanted(store, plan, planned);
  return rowsOf(planned, read, (await readVerdicts(store, read.wanted)).rows);
}

/** `judged`: stored verdicts by id, of which the cell's own are taken. Others get their turn, as in `wantedOf`. */
export async function rowsOf(
  planned: PlannedCell,
  { questions, completions, wanted }: Wanted,
  judged: ReadonlyMap<Sha256, Judgement>,
): Promise<CellRows> {
  const turns = new Turns();
  const judgements: Judgement[] = [];
  const others: Record<string, Judgement[]> = {};
  for (const { judge } of planned.metrics) if (judge !== MAIN_JUDGE) others[judge] = [];
  const answered = new Set<Sha256>();
  for (const { metric, request } of wanted) {
    if (turns.due) await turns.give();
    const stored = judged.get(request.id);
    if (stored === undefined) continue;
    // hashes are in memory once: a file that was read has copies of its own, and a large experiment a hundred thousand rows
    const { id, completion } = request;
    const row: Judgement = Object.assign(stored, { id, completion, instrument: request.instrument });
    answered.add(id);
    const rows = metric.judge === MAIN_JUDGE ? judgements : (others[metric.judge] as Judgement[]);
    rows.push(...partRows(row, metric.parts));
  }
  for (const rows of [judgements, ...Object.values(others)]) {
    await turns.give();
    rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  }
  await turns.give();
  const cell = shownCell(planned);
  return { cell, planned, questions, completions, judgements, others, judged: answered.size, answered, wanted };
}

/** The shards of a group of judgements, in one look: a shard that commits meanwhile still has its journals. */
export type Survey = Awaited<ReturnType<Store['survey']>>;

export interface StoredVerdicts {
  /**
   * By id: committed ones, and where some are missing those in the journals of shards that are still open. Holds other rows
   * of the same groups, too.
   */
  rows: Map<Sha256, Judgement>;
  /** What was looked at, by the group's name; shards that turned out to be damaged are among the open ones. */
  groups: Map<string, Survey>;
}

export async function readVerdicts(store: Store, wanted: readonly WantedJudgement[]): Promise<StoredVerdicts> {
  const rows = new Map<Sha256, Judgement>();
  const groups = new Map<string, Survey>();
  const turns = new Turns();
  for (const group of new Set(wanted.map((each) => each.group))) {
    const { committed, open } = await store.survey('judgements', group);
    const read = await judgementsOf(store, group, committed);
    for (const [id, row] of read.rows) {
      rows.set(id, row);
      if (turns.due) await turns.give();
    }
    groups.set(group, { committed: withoutDamaged(committed, read.open), open: [...open, ...read.open] });
  }
  if (wanted.every(({ request }) => rows.has(request.id))) return { rows, groups };
  for (const { open } of groups.values()) {
    for (const work of open) {
      const journals = await readJournals(await store.attempts(work));
      for (const { row } of journals.finished.values()) if (!rows.has(row.id)) rows.set(row.id, row);
      if (turns.due) await turns.give();
    }
  }
  return { rows, groups };
}

/** How the verdicts of a group came about, of the same rows as `readVerdicts`. */
export async function judgementProvenance(
  store: Store,
  group: string,
  { committed, open }: Survey,
): Promise<Map<Sha256, JudgementProvenance>> {
  const rows = new Map<Sha256, JudgementProvenance>();
  const turns = new Turns();
  for (const work of open) {
    const { finished } = await readJournals(await store.attempts(work));
    for (const { provenance } of finished.values()) rows.set(provenance.id, provenance);
    if (turns.due) await turns.give();
  }
  for (const row of await judgementProvenanceOf(store, group, committed)) {
    rows.set(row.id, row);
    if (turns.due) await turns.give();
  }
  return rows;
}

function shownCell(planned: PlannedCell): PlannedCell {
  const own = planned.metrics.filter(({ judge }) => judge === MAIN_JUDGE);
  const metrics = flattenMetrics(own);
  return { ...planned, metrics, judgements: requestsOf({ ...planned, metrics }) };
}

/** Ids of the judgements that are committed (a journal's rows count only when their shard commits). */
export async function committedJudgements(store: Store, groups: Iterable<string>): Promise<Set<Sha256>> {
  const ids = new Set<Sha256>();
  for (const group of groups) await eachJudgement(store, group, ({ id }) => ids.add(id));
  return ids;
}
