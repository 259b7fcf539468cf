/**
 * Stored plans: what `flamingo run` hands to the workflows, as a reference, so that inputs in histories stay small. What
 * grows with the number of questions is a blob of its own: there can be a hundred thousand, and a judge worker needs none.
 */
import { sha256, type Sha256 } from '../experiment/canonical';
import { accountOfEndpoint } from '../experiment/endpoint';
import { askedJudges, MAIN_JUDGE, namedJudges } from '../experiment/main-judge';
import type {
  ArtifactRef,
  Plan,
  PlannedAnswerProbability,
  PlannedCell,
  PlannedConfiguration,
  PlannedMetric,
  Question,
} from '../experiment/plan';
import { mapValues, ownValue } from '../experiment/records';
import type { JudgeSpec, Spec } from '../experiment/spec';
import { z } from 'zod';
import { readDocument } from './documents';
import { artifactRef, checkedReference, InvalidReference } from './reference';
import { ArtifactDamaged, MADE_ANEW, type Store } from './store';

export interface StoredPlan {
  plan: Plan;
  /** The experiment file as it was understood, defaults filled in: run-time settings, report, budget. */
  spec: Spec;
  /** The experiment file's own words, for the report's provenance. */
  source: { file: string; text: string };
  /** Where a local model folder lies; null for hub and bundled models. */
  modelFolder: string | null;
  /** Where judges' local model folders lie, by their identities; absent = none. */
  judgeFolders?: Record<Sha256, string>;
  /** What this run changed: `--smoke`, `--judge`, sources taken from local copies. */
  overrides: string[];
}

/** Grows with the number of questions. */
type Bulk = Pick<Plan, 'configurations' | 'questionSets' | 'pools' | 'answerProbabilities'>;

/** What judging needs of a plan. */
export type PlanForJudging = Omit<StoredPlan, 'plan'> & { plan: Omit<Plan, keyof Bulk> };

/** As stored: the bulk is a file of its own. */
type Head = PlanForJudging & { bulk: ArtifactRef };

/** As much of a plan as tells it from other documents; its hash says that it is the one that was stored. */
const HEAD = z.looseObject({
  plan: z.looseObject({ key: z.string(), experiment: z.string() }),
  spec: z.looseObject({ name: z.string() }),
  source: z.looseObject({ file: z.string(), text: z.string() }),
  bulk: artifactRef,
});
/** By loops of our own: there may be a million of them. */
const QUESTIONS = z.custom<Question[]>(
  (value) => Array.isArray(value) && value.every((each: unknown) => isObject(each) && typeof each['key'] === 'string'),
);
const QUESTION_SETS = z.record(z.string(), QUESTIONS);
const BY_QUESTION = z.custom<ByQuestion>((value) => {
  if (!isObject(value)) return false;
  for (const question in value) {
    const named = value[question];
    if (typeof named !== 'string' && typeof named !== 'number') return false;
  }
  return true;
});
const WRITTEN_OUT = z.looseObject({
  configurations: z.array(z.looseObject({ name: z.string(), cells: z.array(z.looseObject({ id: z.string() })) })),
  questionSets: QUESTION_SETS,
});
const SHARING = z.looseObject({
  byQuestion: z.record(z.string(), BY_QUESTION),
  measured: QUESTION_SETS.optional(),
  sharing: z.looseObject({
    configurations: z.array(
      z.looseObject({
        name: z.string(),
        cells: z.array(
          z.looseObject({
            id: z.string(),
            samplesOf: z.string().optional(),
            metrics: z.array(z.looseObject({ metric: z.string(), instrumentOf: z.string() })),
          }),
        ),
      }),
    ),
    questionSets: QUESTION_SETS,
    answerProbabilities: z
      .record(z.string(), z.looseObject({ questionSet: z.string(), questionsOf: z.string().optional() }))
      .optional(),
  }),
});
const BULK = z.union([SHARING, WRITTEN_OUT]);

/**
 * The bulk as it is stored: what cells say of each question, and most of them alike, is there once, and cells name it by its key.
 * Plans that were stored before this have it in each cell (`Bulk` itself). The wrapping makes a version that knows only those
 * refuse the file.
 */
interface SharingBulk {
  /** Keyed by the SHA-256 of their JSON: the order of their members is what it was. */
  byQuestion: Record<Sha256, ByQuestion>;
  /** Questions of measured outcomes whose question set is not in `questionSets`, keyed alike; absent without any. */
  measured?: Record<Sha256, Question[]>;
  sharing: Omit<Bulk, 'configurations' | 'answerProbabilities'> & {
    configurations: SharingConfiguration[];
    /** Absent without any, and in plans that were stored when their head had them. */
    answerProbabilities?: Record<string, SharingAnswers>;
  };
}
type ByQuestion = Record<Sha256, Sha256 | number>;
type SharingConfiguration = Omit<PlannedConfiguration, 'cells'> & { cells: SharingCell[] };
type SharingCell = Omit<PlannedCell, 'metrics' | 'samplesOf'> & { metrics: SharingMetric[]; samplesOf?: Sha256 };
type SharingMetric = Omit<PlannedMetric, 'instrumentOf'> & { instrumentOf: Sha256 };
/** `questionsOf` absent: the questions are those of its question set. */
type SharingAnswers = Omit<PlannedAnswerProbability, 'questions'> & { questionsOf?: Sha256 };

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws `PlanTooLarge`. */
export async function storePlan(store: Store, stored: StoredPlan): Promise<ArtifactRef> {
  const { configurations, questionSets, pools, answerProbabilities, ...plan } = stored.plan;
  const bulk: Bulk = {
    configurations,
    questionSets,
    ...(pools === undefined ? {} : { pools }),
    ...(answerProbabilities === undefined ? {} : { answerProbabilities }),
  };
  const { experiment } = plan;
  const text = textOf(() => sharing(bulk), experiment);
  const head: Head = { ...stored, plan, bulk: await store.putBytes(text, '.bulk.json') };
  return store.putBytes(
    textOf(() => head, experiment),
    '.plan.json',
  );
}

function sharing({ configurations, answerProbabilities, ...bulk }: Bulk): SharingBulk {
  const byQuestion: SharingBulk['byQuestion'] = {};
  const known = new Map<ByQuestion, Sha256>();
  const shared = (map: ByQuestion): Sha256 => {
    const key = known.get(map) ?? sha256(JSON.stringify(map));
    known.set(map, key);
    byQuestion[key] ??= map;
    return key;
  };
  const cell = ({ metrics, samplesOf, ...rest }: PlannedCell): SharingCell => ({
    ...rest,
    ...(samplesOf === undefined ? {} : { samplesOf: shared(samplesOf) }),
    metrics: metrics.map((metric) => ({ ...metric, instrumentOf: shared(metric.instrumentOf) })),
  });
  const planned = configurations.map((each) => ({ ...each, cells: each.cells.map(cell) }));
  const plan: SharingBulk = { byQuestion, sharing: { configurations: planned, ...bulk } };
  if (answerProbabilities === undefined) return plan;
  const { measured, outcomes } = sharingAnswers(answerProbabilities, bulk.questionSets);
  return {
    ...plan,
    ...(Object.keys(measured).length === 0 ? {} : { measured }),
    sharing: { ...plan.sharing, answerProbabilities: outcomes },
  };
}

/** Questions of outcomes, once: in their question set, or in `measured`. */
function sharingAnswers(
  answerProbabilities: NonNullable<Bulk['answerProbabilities']>,
  questionSets: Bulk['questionSets'],
): { measured: Record<Sha256, Question[]>; outcomes: Record<string, SharingAnswers> } {
  const measured: Record<Sha256, Question[]> = {};
  const known = new Map<Question[], Sha256>();
  const outcomes = mapValues(answerProbabilities, ({ questions, ...rest }): SharingAnswers => {
    if (areSame(questions, questionSets[rest.questionSet])) return rest;
    const questionsOf = known.get(questions) ?? sha256(JSON.stringify(questions));
    known.set(questions, questionsOf);
    measured[questionsOf] ??= questions;
    return { ...rest, questionsOf };
  });
  return { measured, outcomes };
}

function areSame(here: readonly Question[], there: readonly Question[] | undefined): boolean {
  if (here === there) return true;
  return there?.length === here.length && here.every((question, index) => question === there[index]);
}

/** What names one thing gets one object. Throws `ArtifactDamaged` where something names what is not there. */
function writtenOut({ byQuestion, measured = {}, sharing }: SharingBulk, file: string): Bulk {
  const { configurations, answerProbabilities, ...bulk } = sharing;
  const damaged = (what: string): ArtifactDamaged =>
    new ArtifactDamaged(`${file} in the store is no plan: ${what}. ${MADE_ANEW}`);
  const named = (key: Sha256): ByQuestion => {
    if (!Object.hasOwn(byQuestion, key)) throw damaged(`its \`byQuestion\` lacks ${key}`);
    return byQuestion[key] as ByQuestion;
  };
  const cell = ({ metrics, samplesOf, ...rest }: SharingCell): PlannedCell => ({
    ...rest,
    ...(samplesOf === undefined ? {} : { samplesOf: named(samplesOf) as Record<Sha256, number> }),
    metrics: metrics.map((metric) => ({
      ...metric,
      instrumentOf: named(metric.instrumentOf) as Record<Sha256, Sha256>,
    })),
  });
  const outcome = ({ questionsOf, ...rest }: SharingAnswers): PlannedAnswerProbability => {
    const { questionSet } = rest;
    const questions =
      questionsOf === undefined ? ownValue(bulk.questionSets, questionSet) : ownValue(measured, questionsOf);
    if (questions === undefined) throw damaged(`it lacks the questions of ${questionSet}, which are measured`);
    return { ...rest, questions };
  };
  return {
    ...bulk,
    configurations: configurations.map((each) => ({ ...each, cells: each.cells.map(cell) })),
    ...(answerProbabilities === undefined ? {} : { answerProbabilities: mapValues(answerProbabilities, outcome) }),
  };
}

/** A string has an end, and each file of a plan is read as one. Throws `PlanTooLarge`. */
function textOf(make: () => unknown, experiment: string): string {
  try {
    return JSON.stringify(make()) + '\n';
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PlanTooLarge(
      `the plan of ${experiment} is larger than 512 MB: ask fewer questions, or make several experiments of it`,
      { cause: error },
    );
  }
}

/** Its questions and cells are more than can be stored. */
export class PlanTooLarge extends Error {
  override name = 'PlanTooLarge';
}

/** What was made of stored documents of one kind, by their SHA-256, the last one last. `bytes`: as they are stored. */
export type Recent<T> = Map<string, { reading: Promise<T>; bytes: number }>;

/** Documents of a kind that are remembered. */
const MOST_DOCUMENTS = 4;
/** Bytes of them, the last one aside: read, and with the tasks of its cells, a plan takes several times as much memory. */
const MOST_BYTES = 64 << 20;

const recentHeads: Recent<Head> = new Map();
const recentPlans: Recent<StoredPlan> = new Map();

/** A plan without what it plans; remembered like a whole one. Throws `InvalidReference` and `ArtifactDamaged`. */
export function loadPlanForJudging(store: Store, ref: ArtifactRef): Promise<PlanForJudging> {
  return remembered(recentHeads, ref, (checked) => readDocument<Head>(store, checked, HEAD, 'plan'));
}

/**
 * Reads a plan; the last one is remembered, and others while they are small, because every activity of an experiment starts with its plan. Activities
 * that start together share one reading: a plan of many questions is large. Throws `InvalidReference` and `ArtifactDamaged`.
 */
export function loadPlan(store: Store, ref: ArtifactRef): Promise<StoredPlan> {
  return remembered(recentPlans, ref, async (checked, takes) => {
    const { bulk, ...head } = await readDocument<Head>(store, checked, HEAD, 'plan');
    takes(bulk.bytes);
    const stored = await readDocument<Bulk | SharingBulk>(store, bulk, BULK, 'plan');
    const whole = 'sharing' in stored ? writtenOut(stored, bulk.uri) : stored;
    return { ...head, plan: { ...head.plan, ...whole } };
  });
}

/**
 * What was made of a stored document; documents that are asked for together are read once. `takes`: to be told of bytes that are
 * read beside those of the document itself. Throws `InvalidReference`.
 */
export async function remembered<T>(
  recent: Recent<T>,
  ref: ArtifactRef,
  read: (ref: ArtifactRef, takes: (bytes: number) => void) => Promise<T>,
  what = 'a plan',
): Promise<T> {
  const checked = checkedReference(ref, what); // it comes from whoever started the workflow
  const { sha256 } = checked;
  const standing = recent.get(sha256);
  if (standing !== undefined) return standing.reading;
  const takes = (bytes: number): void => {
    const own = recent.get(sha256);
    if (own !== undefined) own.bytes += bytes;
    forgetOlder(recent);
  };
  const reading = Promise.resolve(checked).then((own) => read(own, takes)); // begins when it is among the others
  reading.catch(() => recent.delete(sha256)); // the next one tries again
  recent.set(sha256, { reading, bytes: checked.bytes });
  forgetOlder(recent);
  return reading;
}

/** All but the last one, and as many before it as there is room for. */
function forgetOlder(recent: Recent<unknown>): void {
  let bytes = 0;
  for (const [index, [sha256, each]] of [...recent].reverse().entries()) {
    if (index > 0) bytes += each.bytes;
    if (index >= MOST_DOCUMENTS || bytes > MOST_BYTES) recent.delete(sha256);
  }
}

/** Throws `InvalidReference`: the name comes from whoever started the workflow, and a plan never gets more of them. */
export function configurationOf({ plan }: StoredPlan, name: string): PlannedConfiguration {
  const found = plan.configurations.find((configuration) => configuration.name === name);
  if (found === undefined) throw lacks(plan.experiment, `configuration ${name}`);
  return found;
}

/** Throws `InvalidReference`, as `configurationOf` does. */
export function cellOf(stored: StoredPlan, configuration: string, id: string): PlannedCell {
  const found = configurationOf(stored, configuration).cells.find((cell) => cell.id === id);
  if (found === undefined) throw lacks(stored.plan.experiment, `cell ${id}`);
  return found;
}

/** A judge by its name: `MAIN_JUDGE`, or one of the file's `judges`. Throws `InvalidReference`, as `configurationOf` does. */
export function judgeOf(spec: Spec, name: string): JudgeSpec {
  const judges = namedJudges(spec);
  const found = Object.hasOwn(judges, name) ? judges[name] : undefined;
  if (found === undefined) throw lacks(spec.name, `judge ${name}`);
  return found;
}

function lacks(experiment: string, what: string): InvalidReference {
  return new InvalidReference(`the plan of ${experiment} has no ${what}`);
}

/** Whether the GPU worker itself judges. */
export function isLocal(spec: Spec, judge: string): boolean {
  return judgeOf(spec, judge).kind === 'local';
}

/** Task queues of an experiment; further judges' are `queueOf` them. */
export function queuesOf(spec: Spec): { gpuQueue: string; judgeQueue: string } {
  return { gpuQueue: spec.execution.gpuQueue, judgeQueue: queueOf(spec, MAIN_JUDGE) };
}

/**
 * A judge's task queue: that of the GPU worker for a local one. `flamingo-judge` without a suffix means the queue of the judge's
 * own account. A queue that the file names is that of its `judge`, and of further judges of the same account.
 */
export function queueOf(spec: Spec, name: string): string {
  const judge = judgeOf(spec, name);
  const { judgeQueue, gpuQueue } = spec.execution;
  if (judge.kind === 'local') return gpuQueue;
  const account = accountOfJudge(judge);
  if (judgeQueue !== 'flamingo-judge' && account === accountOfJudge(spec.judge)) return judgeQueue;
  return `flamingo-judge-${account}`;
}

/** The account that a judge's kind, address and key belong to; a local one has none. */
function accountOfJudge({ kind, endpoint }: JudgeSpec): string | null {
  if (kind === 'local') return null;
  if (endpoint !== undefined) return accountOfEndpoint(endpoint);
  return kind === 'stand-in' ? 'stand-in' : 'anthropic';
}

/** Every queue that an experiment's judges need a judge worker on, the first judge's first; none where scorers do it all. */
export function judgeQueuesOf(spec: Spec): string[] {
  const remote = Object.keys(askedJudges(spec)).filter((name) => !isLocal(spec, name));
  return [...new Set(remote.map((name) => queueOf(spec, name)))];
}
