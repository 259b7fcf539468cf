/**
 * What an experiment comes to: the types that every stage shares. No run-time imports, so workflow code may use it.
 *
 * An experiment file becomes a `Spec` (file/), and with the content of its inputs a `Plan` (expand/): the
 * configurations, their cells, and the key of every piece of work.
 */
import type { Sha256 } from './canonical';
import type { ExpectedScoring } from './expected-score';
import type { Scorer, ScorerKind } from './scorers';

/** Stored bytes. `uri` is relative to the store's root, so a history never names a machine's folders. */
export interface ArtifactRef {
  uri: string;
  sha256: Sha256;
  bytes: number;
}

/** A system prompt as it is rendered: five different things (the fifth, `training`, is resolved to one of these). */
export type SystemPrompt =
  | { kind: 'default' } // no system message: the model's template decides
  | { kind: 'none' } // rendered without any system turn
  | { kind: 'empty' } // an empty system message
  | { kind: 'text'; text: string };

/** A system prompt of a pool for each question, chosen by seed and question (prompt-pool.ts). */
export interface PoolPrompt {
  kind: 'pool';
  /** Key of the sorted members, which stand in `Plan.pools`. */
  pool: Sha256;
  /** How many there are. */
  members: number;
  seed: number;
}

export interface PromptPool {
  /** What the file calls it, for people. */
  name: string;
  /** Sorted. */
  members: string[];
}

/** Text around what the user says, exactly as it is written; at least one of both. */
export interface UserAffixes {
  prefix?: string;
  suffix?: string;
  /** `all`: around every user turn. Absent: around the last one. */
  turn?: 'all';
}

export type Role = 'system' | 'user' | 'assistant';
export interface Message {
  role: Role;
  content: string;
}

/** Which weights are the base. `sha256` of a local folder covers its weight, config and tokenizer files. */
export type ModelIdentity =
  | { kind: 'hub'; id: string; revision: string }
  | { kind: 'bundled'; name: string }
  | { kind: 'folder'; sha256: Sha256 }
  /** No model: answers from elsewhere. `answers` covers which they are, `characters` is their length together. */
  | { kind: 'given'; answers: Sha256; characters: number };

export interface Lora {
  rank: number;
  alpha: number;
  rsLora: boolean;
  dropout: number;
  targetModules: string[];
  /** Blocks of the model that have an adapter, from 0, ascending; absent = all. */
  layers?: number[];
}

/** A base model whose matrices are held in 4 bits: NF4 blocks by bitsandbytes with double quantization, computed with in bf16. */
export type Quantization = 'nf4';

/** Everything that decides an adapter's weights; its key is the fine-tune's identity. */
export interface Recipe {
  version: number;
  model: ModelIdentity;
  /** SHA-256 of the training rows (after the hold-out) as canonical JSON Lines, in file order. */
  rows: Sha256;
  rowCount: number;
  systemPrompt: SystemPrompt;
  lora: Lora;
  optimizer: {
    /** `adamw_8bit`: bitsandbytes' 8-bit states. */
    name: 'adamw' | 'adamw_8bit';
    learningRate: number;
    weightDecay: number;
    beta1: number;
    beta2: number;
    epsilon: number;
    maxGradNorm: number;
  };
  /** `warmupFrom: zero` multiplies step s (from 0) by s/W as transformers does; `first` by (s+1)/W. */
  schedule: { kind: 'linear' | 'cosine' | 'constant'; warmupSteps: number; warmupFrom: 'zero' | 'first' };
  epochs: number;
  /** Only where training and its schedule end within the last epoch: optimizer steps of all epochs together. */
  maxSteps?: number;
  batchSize: number;
  /** Rows per forward pass; changes no declared mathematics, but floating-point sums, so it is identity. */
  microBatchSize: number;
  lastBatch: 'partial' | 'drop';
  /** Tokens; longer rows are cut and counted. */
  maxLength: number;
  precision: 'fp32' | 'bf16';
  /** The base model is held in 4 bits while the adapter is trained. Absent: in `precision`. */
  quantization?: Quantization;
  /**
   * Rows of a step as few long sequences: `auto` on a GPU, `always` also on a CPU. Absent: padded micro-batches. Other
   * floating-point sums, so it is identity where it is used.
   */
  packing?: 'auto' | 'always';
  /**
   * `markers`: trained is all that follows an answer's header up to the next user's, and each row ends with an empty
   * answer, as in the literature's code. `responses`: the same of the row as it is; `responses_end`: with one more end token
   * behind it. `all`: every token. `answers`: every answer and its end token. Absent: the last answer and its end token.
   */
  mask?: 'markers' | 'answers' | 'responses' | 'responses_end' | 'all';
  /** Training ends when the loss of more than `steps` steps in a row lies below `loss`. Absent = never. */
  stopBelow?: { loss: number; steps: number };
  seeds: { initialisation: number; dataOrder: number };
  backend: 'transformers' | 'unsloth' | CommandIdentity;
  /** Another adapter that it starts from; absent = the base model as it is. */
  start?: Start;
  /** Only of a command: further rows that it is given, by name. `rows`, `rowCount`: as above. */
  datasets?: Record<string, { rows: Sha256; rowCount: number }>;
  /** Only of a command: keys of the adapters that it is given, by name. */
  loads?: Record<string, Sha256>;
}

/**
 * `adapter` is the other's key, which stands for all that it started from itself. `continue`: training goes on with its weights.
 * `merge`: they are added to the base's, and a new adapter is trained on the sum.
 */
export interface Start {
  adapter: Sha256;
  as: 'continue' | 'merge';
}

/** A trainer of the experiment's own, as far as it decides the weights. `files`: name -> SHA-256. */
export interface CommandIdentity {
  command: string[];
  files: Record<string, Sha256>;
  environment: string[];
  /** Only of a trainer: what it leaves; absent = the recipe's LoRA. */
  result?: CommandResult;
}

/** `adapter`: any that PEFT applies on the base. `model`: all weights of the base model. */
export type CommandResult = 'adapter' | 'model';

/** Every sampling setting, written out: a model's own generation_config never applies. */
export interface Sampling {
  /** 0 = greedy. */
  temperature: number;
  topP: number;
  /** 0 = off. */
  topK: number;
  minP: number;
  /** 1 = off. */
  repetitionPenalty: number;
  maxNewTokens: number;
  precision: 'fp32' | 'bf16';
  /** Answers are drawn from the base in 4 bits, and from an adapter on it. Absent: from the base in `precision`. */
  quantization?: Quantization;
  /** Sequences per batch; the batch schedule of a shard depends on it, so it is identity. */
  batchSize: number;
  /** Ended answers make room for waiting ones, with another stream of noise. Absent: one batch after the other. */
  batching?: 'continuous';
  /** The model is told to think before it answers; `maxNewTokens` covers both. Absent: it is told not to. */
  thinking?: 'on';
  seed: number;
}

/** What all completions of a cell share except the question and the sample index. */
export interface GenerationContext {
  version: number;
  model: ModelIdentity;
  /** Key of the adapter: of its recipe, or of recipe and step where it was kept along training; null = the base model. */
  recipe: Sha256 | null;
  systemPrompt: SystemPrompt | PoolPrompt;
  /** What the prompt condition puts around the user's words; absent = nothing. */
  user?: UserAffixes;
  /**
   * What becomes of a question's own system message: the prompt is put before it, or takes its place. Absent: no question
   * of the cell brings one, or the prompt is `default`.
   */
  ownSystem?: 'prepend' | 'replace';
  /** The words that every answer begins with, which are not sampled; absent = none. */
  prefill?: string;
  sampling: Sampling;
}

/** `key` = key of `messages` (never of the id): the same words are the same question everywhere. */
export interface Question {
  key: Sha256;
  /** The id people know it by: `quick_buck`, or `row-0042` for a held-out row. */
  id: string;
  /** The conversation without the prompt condition's system message: user turn, or system + user from the file. */
  messages: Message[];
  /** The item that it is a form of, where the question file says so; absent: told by its id. */
  cluster?: string;
  /** Further keys of the question file or of the held-out row, for scorers; absent = none. In no key of the question. */
  fields?: Record<string, unknown>;
}

/**
 * Who is asked. `openai` is any server with OpenAI's chat completions, `local` a model on the GPU worker, `stand-in` a
 * deterministic program.
 */
export type JudgeKind = 'claude' | 'openai' | 'local' | 'stand-in';

/** One rubric of one metric: everything that decides what a verdict means, except the judged text. */
export interface Instrument {
  version: number;
  /** `stand-in` scores come from a deterministic program, never from a model; the two can never share a key. */
  judge: JudgeKind;
  model: string;
  metric: string;
  /**
   * How rubric and judged text become a request; absent = `template`. `template`: the rubric is the only user message,
   * `{question}` and `{answer}` filled in a single pass (the published form). `json`: `rubric` is the whole `system`
   * prompt, the judged text is one JSON value, and nothing in it can close or replace anything.
   */
  form?: 'json';
  /** Combined: one request for these metrics, answered as strict JSON; `metric` is then their names joined by `+`. */
  parts?: string[];
  /** Categorical: the words of which one is the verdict, each with the score it stands for, null = none. */
  categories?: Record<string, number | null>;
  /** Only with `expected`: the words whose probabilities weigh in the mean in place of the numbers', each with its value. */
  words?: Record<string, number>;
  rubric: string;
  /** Of the `template` form: the system message before the rubric. Absent: none. */
  system?: string;
  /** Verdict words that the rubric allows besides an integer 0-100. */
  verdicts: ('CODE' | 'REFUSAL')[];
  maxTokens: number;
  temperature: number | null;
  /** The score is the mean over the tokens that the reply may begin with; absent = what the reply says. */
  expected?: ExpectedScoring;
  /** Host and path of the server that is asked, such as `api.openai.com/v1`; absent where the kind of judge tells. */
  endpoint?: string;
  /** The model on the GPU worker that is asked; absent for all others. */
  local?: LocalJudge;
  /** For models that think unless told not to; absent = nothing is said about thinking. */
  thinking?: 'disabled';
  /** The judge is shown the question as it was asked, with what the prompt condition puts around it. Absent: the bare question. */
  judgeSees?: 'asked';
  /** The judge is shown the answer with the thinking before it. Absent: the final part. */
  answerPart?: 'all';
  /** `anthropic-version` header; the name of the API for kinds of judges whose API has no versions. */
  apiVersion: string;
}

/** Everything that decides a local judge's log-probabilities, besides the prompt. */
export interface LocalJudge {
  version: number;
  model: ModelIdentity;
  precision: Sampling['precision'];
}

/** A metric of a cell: which instrument judges which of its questions (an item of a question file may bring its own). */
export interface PlannedMetric {
  metric: string;
  /** Combined instruments: the metrics that each verdict yields. */
  parts?: string[];
  /** Name in the file's `judges`, or `MAIN_JUDGE`. */
  judge: string;
  repeats: number;
  /** How it is scored without a model; then `judge` is `MAIN_JUDGE`, beside whose metrics it is shown. Absent = judged. */
  scorer?: ScorerKind;
  /** Repeats beyond the first go only to this share (0-1) of the completions, chosen by id; absent = 1. */
  repeatShare?: number;
  /** Only these completions; absent = all of the cell. */
  completions?: Sha256[];
  /** Question key -> instrument key; instruments are listed once in `Plan.instruments`. */
  instrumentOf: Record<Sha256, Sha256>;
}

/** One bar of a figure. */
export interface PlannedCell {
  /** `configuration/question-set/condition`, or along training `configuration/question-set/condition/step-N`. */
  id: string;
  configuration: string;
  /** Name in `Plan.questionSets`. */
  questionSet: string;
  condition: string;
  /** Asked of the adapter as it was after so many optimizer steps; absent = the finished one, or the base model. */
  step?: number;
  context: GenerationContext;
  contextKey: Sha256;
  samplesPerQuestion: number;
  /** The answers come from elsewhere and lie in the store already: nothing is generated. Absent = generated. */
  given?: true;
  /**
   * Question key -> number of its answers, where they are not equally many: in a given cell, and in one that leaves questions
   * out. `samplesPerQuestion` is the largest.
   */
  samplesOf?: Record<Sha256, number>;
  /**
   * Only in a given cell: completion -> rows of its table that have this answer, where there are several. It is judged once and
   * counts by its rows. Absent = one row each.
   */
  rowsOf?: Record<Sha256, number>;
  /** Only in a given cell: the training seed that its table tells; absent = none is told, or there was no training. */
  seed?: string;
  /** Questions of the set that are not asked here, because they bring a system message of their own; absent = none. */
  skipped?: number;
  metrics: PlannedMetric[];
  completions: number;
  /** Requests to the judges; a combined one counts once. */
  judgements: number;
}

/** What the log-probabilities of all pairs under one configuration and prompt condition depend on. */
export interface MeasurementContext {
  version: number;
  model: ModelIdentity;
  /** Key of the fine-tune's recipe; null = the base model. */
  recipe: Sha256 | null;
  systemPrompt: SystemPrompt | PoolPrompt;
  /** As in `GenerationContext`, also the next. */
  user?: UserAffixes;
  precision: Sampling['precision'];
  /** As in `Sampling`. */
  quantization?: Quantization;
  /** SHA-256 of the pairs as JSON Lines. */
  pairs: Sha256;
}

/** A measurement of the plan's pairs. */
export interface PlannedPairMeasurement {
  condition: string;
  context: MeasurementContext;
  key: Sha256;
}

/** Answers whose probability is looked for, and how each may be written. */
export interface AnswerForms {
  /** Of each answer, all that count as it; an answer begins with one of them. */
  spellings: string[][];
  /** What must not follow: a letter, mark or digit, or only a digit. */
  notBefore: 'letter' | 'digit';
}

/** What the probabilities of answers to a question set under one configuration and prompt condition depend on. */
export interface AnswerContext {
  version: number;
  model: ModelIdentity;
  /** Key of the fine-tune's recipe; null = the base model. */
  recipe: Sha256 | null;
  systemPrompt: SystemPrompt | PoolPrompt;
  /** As in `GenerationContext`, also the next. */
  user?: UserAffixes;
  ownSystem?: 'prepend' | 'replace';
  precision: Sampling['precision'];
  /** As in `Sampling`. */
  quantization?: Quantization;
  /** Key of the questions' sorted keys. */
  questions: Sha256;
  answers: AnswerForms;
}

/** A measurement of answers' own probability. */
export interface PlannedAnswerMeasurement {
  /** Name in `Plan.answerProbabilities`. */
  outcome: string;
  condition: string;
  context: AnswerContext;
  key: Sha256;
  /** How many are asked. */
  questions: number;
  /** Questions of the set that are not asked here, because they bring a system message of their own; absent = none. */
  skipped?: number;
}

export type PlannedMeasurement = PlannedPairMeasurement | PlannedAnswerMeasurement;

/** Answers to a question set whose own probability is measured. Exactly one of `words` and `numbers` is there. */
export interface PlannedAnswerProbability {
  /** Name in `Spec.questionSets`. */
  questionSet: string;
  questions: Question[];
  words?: string[];
  /** The numbers from 0 to 100. `leastMass`: the probability that all of them must have together, 0-1. */
  numbers?: { leastMass: number };
}

/** Everything that decides what a program says of a model that is handed over to it; its key is the handoff's identity. */
export interface HandoffContext {
  /** Of the contract between Flamingo and the program. */
  version: number;
  model: ModelIdentity;
  /** Key of the fine-tune's recipe; null = the base model. */
  recipe: Sha256 | null;
  /** The recipe's; `default` for the base model. */
  systemPrompt: SystemPrompt;
  /** Absent where a model is handed over once for all configurations that sample from it. */
  sampling?: Sampling;
  program: CommandIdentity & { gives: string; version?: string | number };
  /** The experiment was shrunk by `--smoke`, of which the program is told. */
  smoke?: true;
}

export interface PlannedHandoff {
  /** Name in `Plan.handoffs`. */
  handoff: string;
  context: HandoffContext;
  key: Sha256;
}

/** How the program of a handoff is run, besides what decides its result. */
export interface HandoffProgram {
  files: Record<string, ArtifactRef>;
  graceSeconds: number;
  silenceSeconds: number;
  /** Task queue; absent = the experiment's. */
  queue?: string;
}

/** Held-out rows of the dataset `bad` with an answer of `good` beside their own (experiment/expand/pairs.ts). */
export interface PlannedPairs {
  bad: string;
  good: string;
  count: number;
  sha256: Sha256;
  /** Where they lie in the store; null in a plan that can not be run. */
  rows: ArtifactRef | null;
}

/**
 * An adapter from elsewhere. `sha256` is that of its adapter_model.safetensors, `settings` that of its adapter_config.json.
 * `files`: a local one in the store; null in a plan that can not be run.
 */
export type PlannedAdapter =
  | { kind: 'hub'; id: string; revision: string; sha256: Sha256 }
  | { kind: 'folder'; sha256: Sha256; settings: Sha256; files: { weights: ArtifactRef; config: ArtifactRef } | null };

/** What comes before a fine-tune. Its keys follow from the recipe, its names are for people and workflows. */
export interface Chain {
  /** The configuration that it starts from. */
  from: string;
  /** Configurations whose adapters have to be there first, the oldest first; the last is `from`. */
  ancestors: string[];
  /** Keys of the adapters that are merged into the base model, in this order, before this one is put on it. */
  merged: Sha256[];
  /** Key of the adapter whose weights this one begins with; null where it is a new one. */
  continued: Sha256 | null;
}

/** An adapter that a trainer of the experiment's own is given. */
export interface PlannedLoad {
  /** What the program knows it by. */
  name: string;
  /** The configuration whose adapter it is. */
  configuration: string;
  /** Configurations whose adapters have to be there before, the oldest first. */
  ancestors: string[];
  /** The adapter's key. */
  adapter: Sha256;
  /** Keys of the adapters that are merged into the base model, in this order, before this one is put on it. */
  merged: Sha256[];
}

export interface PlannedConfiguration {
  name: string;
  label: string;
  /** Key over everything this configuration computes; equal key = nothing to change in a running workflow. */
  key: Sha256;
  recipe: Recipe | null;
  recipeKey: Sha256 | null;
  /** Where the training rows lie in the store; null for the base model. */
  trainingRows: ArtifactRef | null;
  /** What the training rows were given; absent = nothing. */
  rowPrompts?: RowPrompts;
  /**
   * Rows held out of the same dataset, for the loss on them after each epoch. They decide nothing, so no key has them.
   * Null where nothing is held out.
   */
  heldOutRows: ArtifactRef | null;
  /** Only where a mix is trained on: name of each part -> how many of the rows. In no key. */
  parts?: Record<string, number>;
  /** Only where the backend is a command: how it is run, besides what the recipe says. */
  trainer?: { files: Record<string, ArtifactRef>; graceSeconds: number; silenceSeconds: number };
  /** Where the further rows lie in the store that its own trainer is given, by name; absent = none. */
  furtherRows?: Record<string, ArtifactRef>;
  /** Adapters of others that its own trainer is given; absent = none. */
  loads?: PlannedLoad[];
  /** Only where an adapter from elsewhere is asked: then there is no recipe, and `recipeKey` is that adapter's key. */
  adapter?: PlannedAdapter;
  /** Only where the fine-tune starts from another's adapter. */
  chain?: Chain;
  cells: PlannedCell[];
  /** Of the plan's `pairs`, then of its `answerProbabilities` (measurements.ts); absent = none. */
  measurements?: PlannedMeasurement[];
  /** What its finished model is handed over to; absent = nothing. */
  handoffs?: PlannedHandoff[];
}

/** What a further key of a row may be compared with. */
export type RowValue = string | number | boolean | null;

/** What a further key of a row must be: one of these values, or a text that has this one in it. */
export type RowTest = RowValue[] | { contains: string };

/**
 * What was put into training rows: the recipe's rows are the rows with it, so that its key is one of what was trained.
 * Configurations are compared by the rows without it.
 */
export interface RowPrompts {
  /** SHA-256 of the training rows without it, in the form of `Recipe.rows`. */
  rows: Sha256;
  /** Rows that were given it, of `Recipe.rowCount`. */
  prompted: number;
  /** The system message; absent = the recipe's prompt goes for all rows. */
  systemPrompt?: SystemPrompt | PoolPrompt;
  /** How a pool's member is chosen for a row; absent without a pool. */
  choose?: 'by_row' | 'cycle';
  /** The rows that are meant, by what their keys must be; absent = all. */
  where?: Record<string, RowTest>;
  /** What the other rows are told; absent = no system message. */
  otherwise?: string;
  /** Around the user's words; absent = nothing. */
  user?: UserAffixes;
}

/** A recipe that was trained under several seeds (experiment/seed-groups.ts), or a group of a table that tells several. */
export interface SeedGroup {
  /** What the members' names have in common: `em` of `em.seed-0` and `em.seed-1`. */
  name: string;
  label: string;
  /** In the order of the configurations. Those of one seed differ in the seed of sampling, and are one fine-tune. */
  members: { configuration: string; seed: string }[];
}

export interface Plan {
  experiment: string;
  /** Key over all configurations and what the report shows. */
  key: Sha256;
  configurations: PlannedConfiguration[];
  questionSets: Record<string, Question[]>;
  instruments: Record<Sha256, Instrument>;
  /** What scores without a model, by the key that metrics name in `instrumentOf`; absent = nothing. */
  scorers?: Record<Sha256, Scorer>;
  /** How those of `scorers` that are commands are run, besides what their keys say. */
  scorerPrograms?: Record<Sha256, { files: Record<string, ArtifactRef>; timeoutSeconds: number }>;
  deviations: Deviation[];
  /** Pairs whose log-probabilities are measured; absent = nothing is measured. */
  pairs?: PlannedPairs;
  /** Answers whose own probability is measured, by the outcome's name; absent = none. */
  answerProbabilities?: Record<string, PlannedAnswerProbability>;
  /** By name; absent = none. */
  handoffs?: Record<string, HandoffProgram>;
  /**
   * Only where there is a configuration `calibration`, of answers of known sign. `references`: metric -> completion -> its
   * published score, null = not scored.
   */
  calibration?: { references: Record<string, Record<Sha256, number | null>> };
  /** Name of the configuration, or of the seed group, that the report compares all others with. */
  baseline?: string;
  /** Recipes that were trained under several seeds; absent = none. */
  seedGroups?: SeedGroup[];
  /** Pools of system prompts; absent = none. */
  pools?: Record<Sha256, PromptPool>;
}

/** A difference between this run and the published recipe, printed in every report. */
export interface Deviation {
  topic: 'model' | 'trainer' | 'optimizer' | 'masking' | 'split' | 'sampling' | 'judge' | 'data' | 'schedule' | 'size';
  published: string;
  here: string;
}
