/**
 * The activities as the workflows see them: names, inputs, results. Types only; the implementations are in
 * activities/ and gpu-activities/. Inputs and results are small references: the data lies in the store.
 */
import type { ArtifactRef } from '../experiment/plan';
import type {
  ConfigurationOutline,
  ConfigurationResult,
  ExperimentOutcome,
  ExperimentOutline,
  ExperimentRequest,
} from './messages';

export interface StageInput {
  plan: ArtifactRef;
  configuration: string;
}

export interface CellInput extends StageInput {
  cell: string;
}

export interface FinetuneInput extends StageInput {
  experiment: string;
  /** Spending cap of the experiment, US dollars; null = none. */
  maxUsd: number | null;
}

export interface FinetuneResult {
  reused: boolean;
  adapterSha256: string;
  steps: number;
  seconds: number;
}

export interface GenerateResult {
  reused: number;
  made: number;
  seconds: number;
}

export interface MeasureInput extends StageInput {
  /** Name of the measurement: a prompt condition, or an outcome and a prompt condition (experiment/measurements.ts). */
  condition: string;
}

export interface MeasureResult {
  reused: boolean;
  /** Pairs, or questions, that were measured. */
  pairs: number;
  seconds: number;
}

export interface HandOffInput extends StageInput {
  /** Name in the file's `handoffs`. */
  handoff: string;
}

export interface HandOffResult {
  reused: boolean;
  seconds: number;
}

/** One judge shard: a file of requests in the store. */
export interface JudgeShard {
  group: string;
  key: string;
  metric: string;
  /** Name in the file's `judges`, or `MAIN_JUDGE`. */
  judge: string;
  /** The judge's task queue; absent = the experiment's. */
  queue?: string;
  /** By a program of the experiment's own, in place of a judge. */
  scorer?: true;
  /** Through the provider's batches first; what they leave undone is then asked live. */
  batch?: true;
  /** By a model on the GPU worker. */
  local?: true;
  /** Keys of shards of the group that were cut differently and never committed: their journals may hold verdicts of this. */
  salvage?: string[];
  requests: ArtifactRef;
  count: number;
}

export interface JudgePlan {
  reused: number;
  shards: JudgeShard[];
  /** The shards' keys as a file: what publishing counts the payments of. Null without shards. */
  cut: ArtifactRef | null;
}

/** US dollars, and requests whose reply came, or was lost and may be paid. */
export interface Paid {
  requests: number;
  usd: number;
}

export interface JudgeShardInput extends CellInput {
  experiment: string;
  shard: JudgeShard;
  /** Spending cap of the experiment, US dollars; null = none. */
  maxUsd: number | null;
}

export interface JudgeShardResult {
  judged: number;
  missing: number;
  usd: number;
  requests: number;
}

export interface JudgeBatchResult {
  /** Paid requests whose replies came through batches. */
  requests: number;
  /** Judgements that are left to live requests, and, where that is more than single items, why. */
  left: number;
  reason: string | null;
  usd: number;
}

export interface PublishInput extends CellInput {
  output: string;
  /** From the cell's `JudgePlan`; null without shards, and when there was none. */
  cut: ArtifactRef | null;
  /** Of earlier rounds of judging it, in this workflow run. */
  earlierCuts?: ArtifactRef[];
}

export interface PublishResult {
  completions: number;
  judgements: number;
  missing: number;
  /** For the shards of all cuts by all attempts of this workflow run, those included that failed or were killed; else null. */
  paid: Paid | null;
}

export interface BuildReportInput {
  plan: ArtifactRef;
  output: string;
  /** What the configurations came to, as far as this run knows; the numbers themselves come from the store. */
  results: Pick<ConfigurationResult, 'name' | 'failure'>[];
}

/** Light work on the queue `flamingo`. */
export interface PlanningActivities {
  planExperiment(request: ExperimentRequest): Promise<ExperimentOutline>;
  /** One configuration of a stored list of outlines. */
  readOutline(input: { outlines: ArtifactRef; configuration: string }): Promise<ConfigurationOutline>;
  /** Cuts what is not judged yet of a cell into shards. */
  planJudging(input: CellInput): Promise<JudgePlan>;
  /** Scores a shard by a program of the experiment's own. */
  scoreShard(input: JudgeShardInput): Promise<JudgeShardResult>;
  /** Writes a cell's completions and judgements where people read them. */
  publishCell(input: PublishInput): Promise<PublishResult>;
  buildReport(input: BuildReportInput): Promise<NonNullable<ExperimentOutcome['report']>>;
}

export interface GpuActivities {
  finetune(input: FinetuneInput): Promise<FinetuneResult>;
  generate(input: CellInput): Promise<GenerateResult>;
  /** Log-probabilities of the plan's pairs, or of answers to an outcome's questions, under one prompt condition. */
  measure(input: MeasureInput): Promise<MeasureResult>;
  /** Judges a shard of a local judge. */
  judgeLocally(input: JudgeShardInput): Promise<JudgeShardResult>;
  /** Has a program of the experiment's own say numbers of the finished model. */
  handOff(input: HandOffInput): Promise<HandOffResult>;
}

export interface JudgeActivities {
  /** Checks key and model before any GPU work. */
  checkJudge(input: { plan: ArtifactRef; judges: string[] }): Promise<void>;
  judgeShard(input: JudgeShardInput): Promise<JudgeShardResult>;
  /** Does what batches can of a shard; fails as `BatchProcessing`, again and again, while they are in flight. */
  judgeBatch(input: JudgeShardInput): Promise<JudgeBatchResult>;
  /** Cancels a shard's batches and keeps what they had finished. */
  cancelBatch(input: JudgeShardInput): Promise<JudgeBatchResult>;
}
