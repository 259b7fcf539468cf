/**
 * What goes in and out of the workflows: inputs, results, queries, updates, signals. No run-time imports besides the
 * SDK's definitions, so that clients and tests share it without the workflow code.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ArtifactRef } from '../experiment/plan';

/** Task queues. GPU and judge queues may carry a suffix: `flamingo-gpu-80gb`, `flamingo-judge-anthropic`. */
export const ORCHESTRATION_QUEUE = 'flamingo';
export const DEFAULT_GPU_QUEUE = 'flamingo-gpu';

/** One judge queue per provider account, so that a limit is shared by all who spend it. */
export function judgeQueue(account: string): string {
  return `flamingo-judge-${account}`;
}

/** The queue for checks, which the same workers serve: a check must not wait for a shard of thousands to end. */
export function checkQueue(judgeQueue: string): string {
  return `${judgeQueue}-check`;
}

/**
 * How an experiment is asked for. `flamingo run` imports inputs first and sends `plan`; `temporal workflow start` may
 * send what `flamingo plan --json` prints (it has `plan`, `store` and `output`), or just a file or its text.
 */
export interface ExperimentRequest {
  /** Path below the worker's experiments folder. */
  file?: string;
  yaml?: string;
  /** A stored plan (artifacts/plans.ts). */
  plan?: ArtifactRef | null;
  /** Id of the store that `plan` lies in; a worker with another store refuses. */
  store?: string;
  /** Folder for the results that people read; default `results/EXPERIMENT` in the worker's working folder. */
  output?: string;
}

/** What the workflow needs to know of a plan; everything larger stays in the store. */
/** Judgements of a cell, or of an experiment, from which on it is large: its rows take a worker gigabytes, and minutes. */
export const LARGE_COUNT = 200_000;

export interface ExperimentOutline {
  experiment: string;
  plan: ArtifactRef;
  planKey: string;
  output: string;
  /** Whole where they are few; of many only their heads, and the rest lies in the store (`outlines`). */
  configurations: (ConfigurationOutline | ConfigurationHead)[];
  /** A list of `ConfigurationOutline` as JSON; absent where the configurations are whole. */
  outlines?: ArtifactRef;
  /** The experiment continues as a new run before its history grows long. Absent in what was planned before 0.2.0. */
  continues?: true;
  gpuQueue: string;
  judgeQueue: string;
  /** Queues whose judges have something to judge. */
  judgeQueues: string[];
  /** Names of those judges. */
  judgesToAsk: string[];
  /** At most so many configurations at once. */
  parallel: number;
  budget: { maxUsd: number | null; approval: boolean };
  /** Planned judge cost of what is not in the store yet, US dollars, estimated. */
  estimatedUsd: number;
  /** Fine-tunes, completions, judgements, measurements and handoffs that the store does not hold; nothing new needs no approval. */
  newWork: number;
  /** It has many judgements (`LARGE_COUNT`), and its report takes long. Absent for fewer. */
  large?: true;
}

export interface ConfigurationHead {
  name: string;
  label: string;
  key: string;
}

export interface ConfigurationOutline extends ConfigurationHead {
  /** Key of the fine-tune, null for the base model and where all that is made with it is in the store. */
  recipeKey: string | null;
  /** Configurations whose adapters its fine-tune starts from, the oldest first; absent = none. */
  ancestors?: string[];
  /** Prompt conditions under which log-probabilities are still to be measured. */
  measurements: string[];
  /** Handoffs whose results the store does not hold; absent without any. `queue` absent: the experiment's. */
  handoffs?: { name: string; queue?: string }[];
  cells: CellOutline[];
}

export interface CellOutline {
  id: string;
  completions: number;
  judgements: number;
  /** All its answers are in the store, from elsewhere or from an earlier run: nothing is generated. */
  answersStored: boolean;
}

export interface ConfigurationInput {
  experiment: string;
  plan: ArtifactRef;
  output: string;
  configuration: ConfigurationOutline | ConfigurationHead;
  /** Where the outline lies, if `configuration` is only its head. */
  outlines?: ArtifactRef;
  /** Light work of small cells is done within workflow tasks. Absent in what was started before 0.2.0. */
  light?: true;
  gpuQueue: string;
  judgeQueue: string;
  maxUsd: number | null;
  paused: boolean;
}

/** A cell's state after its last stage. */
export interface CellResult {
  id: string;
  completions: number;
  judgements: number;
  /** Judgements that could not be had (transport failures); the next run retries exactly those. */
  missing: number;
  failure?: string;
}

export interface ConfigurationResult {
  name: string;
  cells: CellResult[];
  /** Handoffs that failed, and why; absent for none. */
  handoffs?: { name: string; failure: string }[];
  usd: number;
  requests: number;
  failure?: string;
}

export type ConfigurationStatus = 'queued' | 'running' | 'done' | 'incomplete' | 'failed' | 'cancelled';

export interface ExperimentOutcome {
  experiment: string;
  /** `incomplete`: something is missing or a configuration failed; the report says what. */
  status: 'complete' | 'incomplete' | 'failed' | 'cancelled';
  configurations: { name: string; state: ConfigurationStatus; missing: number; failure?: string }[];
  /** US dollars, and paid requests, of the configurations' last runs: attempts that failed or were killed included. */
  usd: number;
  requests: number;
  /** `null` when not even a report could be built. */
  report: ReportOutcome | null;
}

export interface ReportOutcome {
  folder: string;
  html: string;
  expectations: { passed: number; failed: number };
  /** Absent where the experiment file claims nothing. */
  claims?: { supported: number; contradicted: number; inconclusive: number };
  /** What judging met, by judge and kind in words; only judges that met anything. */
  judging: { judge: string; counts: Record<string, number> }[];
  /** Of which cells not one reply could be read, for each metric and judge; absent where there is no such cell. */
  unread?: UnreadMetric[];
  /** Bad minus good, in nats; absent where nothing is measured, and where `figuresLeftOut` says so. */
  logProbabilities?: LogProbabilityFigures[];
  /** Absent where none is measured, and where `figuresLeftOut` says so. */
  answerProbabilities?: AnswerProbabilityFigures[];
  /** How many of both there are, when they are too many for a workflow's messages; they are in report.json. Absent for none. */
  figuresLeftOut?: number;
  /** Stored things of this experiment that were found damaged so far, and are made anew; absent for none. */
  healed?: number;
}

/** A metric as one judge judged it, in the cells of which not one reply could be read. */
export interface UnreadMetric {
  judge: string;
  metric: string;
  /** The first of these cells. */
  cell: string;
  /** How many there are. */
  cells: number;
  /**
   * Only of a judge whose scores are means over the probabilities of numbers or words, 0-1: the most that those of one of their
   * replies hold, and `least_mass`. `undecided`: the most that tokens which may be several words hold, where that is `least_mass`
   * or more, so that the reply has no score whatever the words hold.
   */
  mass?: { most: number; least: number; undecided?: number };
}

export interface LogProbabilityFigures {
  configuration: string;
  condition: string;
  /** Pairs measured; 0 = the measurement is missing. */
  pairs: number;
  /** The difference of the means over an answer's tokens, and of their sums. `ci95` null: not estimable. */
  perToken: { mean: number | null; standardError: number | null; ci95: [number, number] | null };
  perAnswer: { mean: number | null; standardError: number | null; ci95: [number, number] | null };
}

export interface AnswerProbabilityFigures {
  outcome: string;
  configuration: string;
  condition: string;
  /** A word, whose probability (0-1) is the value; or `0-100`, and the value is the number that the model gives. */
  answer: string;
  /** Questions that have a value. */
  questions: number;
  mean: number | null;
  standardError: number | null;
  /** Null: not estimable. */
  ci95: [number, number] | null;
}

export interface ExperimentProgress {
  experiment: string;
  status: 'planning' | 'waiting for approval' | 'running' | 'paused' | 'reporting' | 'done';
  planKey: string | null;
  estimatedUsd: number;
  maxUsd: number | null;
  configurations: {
    name: string;
    label: string;
    /** Key of the configuration; workers of version 0.1.0 do not say it. */
    key?: string;
    workflowId: string;
    state: ConfigurationStatus;
    failure?: string;
  }[];
}

/** What an experiment's run hands to the next one. Nothing runs at that moment. */
export interface CarriedExperiment {
  outline: ExperimentOutline;
  maxUsd: number | null;
  /** Absent: nobody has approved a cap. */
  approvedUsd?: number | null;
  paused: boolean;
  held: string[];
  /** In the plan's order. */
  entries: (Ended & { name: string; state: ConfigurationStatus })[];
}

/** What a configuration came to. */
export interface Ended {
  missing: number;
  usd: number;
  requests: number;
  failure?: string;
}

export type HandoffStatus = 'waiting' | 'running' | 'done' | 'failed';
export type CellStatus = 'waiting' | 'generating' | 'judging' | 'done' | 'incomplete' | 'failed';

export interface ConfigurationProgress {
  configuration: string;
  stage: string;
  /** Why nothing moves: paused, or the budget is spent; or why nothing is judged: the judge account is paused. */
  waiting: string | null;
  /** The judge account that it waits for; null when it waits for nothing, or for something else. */
  pausedAccount: string | null;
  cells: { id: string; state: CellStatus; judged: number; judgements: number; missing: number }[];
  /** Absent where nothing is handed over. */
  handoffs?: { name: string; state: HandoffStatus }[];
}

/** What an `apply` changed, by configuration name. */
export interface Applied {
  experiment: string;
  planKey: string;
  unchanged: string[];
  added: string[];
  changed: string[];
  removed: string[];
}

export interface Approval {
  /** New spending cap in US dollars; null lifts it. */
  maxUsd: number | null;
}

/** A configuration's name, or nothing for the whole experiment. */
export interface Target {
  configuration?: string;
}

export const apply = defineUpdate<Applied, [ExperimentRequest]>('apply');
export const pause = defineUpdate<void, [Target]>('pause');
export const resume = defineUpdate<void, [Target]>('resume');
export const cancel = defineUpdate<void, [Target]>('cancel');
export const approve = defineUpdate<void, [Approval]>('approve');
export const experimentProgress = defineQuery<ExperimentProgress>('progress');

export const setPaused = defineSignal<[boolean]>('setPaused');
export const setBudget = defineSignal<[Approval]>('setBudget');
export const configurationProgress = defineQuery<ConfigurationProgress>('progress');

export function experimentWorkflowId(experiment: string): string {
  return experiment;
}

export function configurationWorkflowId(experiment: string, configuration: string): string {
  return `${experiment}/${configuration}`;
}
