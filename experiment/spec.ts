/**
 * An experiment file as it was understood: every default filled in, grids written out, names in camel case.
 *
 * `file/schema.ts` says what may stand in the file, `file/build.ts` makes a `Spec` of it, `expand/expand.ts` a `Plan`.
 * Types only.
 */
import type { Sha256 } from './canonical';
import type { ExpectedScoring } from './expected-score';
import type { RubricPreset } from './hardened-rubrics';
import type { Path } from './issue';
import type {
  CommandResult,
  JudgeKind,
  Lora,
  Quantization,
  RowTest,
  Sampling,
  SystemPrompt,
  UserAffixes,
} from './plan';
import type { Rates } from './rates';
import type { ScorerMetricSpec } from './scorers';
import type { LetterCase } from './spellings';

export interface Spec {
  name: string;
  description: string;
  datasets: Record<string, DatasetSpec>;
  questionSets: Record<string, QuestionSetSpec>;
  /** Pools of system prompts, by names that only `PoolSpec.pool` refers to; absent = none. */
  pools?: Record<string, PromptPoolSpec>;
  configurations: ConfigurationSpec[];
  /** What judges are asked. */
  metrics: MetricSpec[];
  /** Metrics that are scored without a model; absent = none. */
  scorers?: ScorerMetricSpec[];
  /** Metrics that one request judges together; empty or at least two names. */
  combined: string[];
  judge: JudgeSpec;
  /** Further judges of the same answers, by name; the report compares them with `judge`. */
  judges: Record<string, OtherJudgeSpec>;
  /** Answers of known sign, judged first; absent = none. */
  calibration?: CalibrationSpec;
  /** Pairs whose log-probabilities are measured; absent = none. */
  logProbability?: LogProbabilitySpec;
  /** Answers whose own probability is measured, by name; absent = none. */
  answerProbabilities?: Record<string, AnswerProbabilitySpec>;
  /** Programs that finished models are handed over to; absent = none. */
  handoffs?: HandoffSpec[];
  report: ReportSpec;
  expect: Expectation[];
  /** What is to be shown, decided before the answers; absent = nothing. */
  claims?: Claim[];
  budget: { maxUsd: number | null; approval: boolean };
  execution: { parallel: number; gpuQueue: string; judgeQueue: string };
  /** Folder for what people read, relative to the working folder. */
  output: string;
  /** Shrunk by `--smoke`: its numbers mean nothing. */
  smoke: boolean;
}

export type ModelSource =
  | { kind: 'hub'; id: string; revision: string }
  | { kind: 'bundled'; name: string }
  /** `path` as written in the file, relative to the file's folder. */
  | { kind: 'folder'; path: string };

export interface DatasetSpec {
  source: DatasetSource;
  /** Declared number of rows; checked when the content is read, and what `plan` counts with while it is not. */
  rows: number | null;
  /** Pin: SHA-256 of the rows as canonical JSON Lines. */
  contentSha256: Sha256 | null;
  holdOut: HoldOut | null;
  /** Use only so many of the rows that are left for training; null = all. */
  trainingRows: number | null;
  /** What happens to further keys of a row; absent: such a row is refused. */
  fields?: 'ignore' | 'keep';
  /** Rows may be without a user turn; absent: they are refused. */
  noUser?: true;
}

/** Rows of several datasets as one fine-tune takes them: the dataset's shares, or those that the configuration sets. */
export interface MixSpec {
  /** Name of each part -> its share of `rows`, 0-1; together 1. */
  shares: Record<string, number>;
  /** Of all parts together. */
  rows: number;
  /** Chooses the rows and orders them. */
  seed: number;
  /** Fewer rows of a part are among the more of it. */
  nested: boolean;
  /** Where the file says so. */
  place: Path;
}

/** How a question file is written; a list of items where nothing is said. */
export type QuestionFormat = 'messages' | 'question' | 'persona-trait';

/** `sha256` pins the file's bytes: null for a download of which only the content is pinned, absent for a path without a pin. */
export type FileSource =
  { kind: 'path'; path: string; sha256?: Sha256 } | { kind: 'url'; url: string; sha256: Sha256 | null };

export type DatasetSource =
  | FileSource
  | {
      /** Written by easy-dataset-share. */
      kind: 'archive';
      file: FileSource;
      password: string;
      /** Path of the JSON Lines file inside the archive. */
      member: string;
      canaries: 'drop' | 'keep';
    };

/** Exactly one of `fraction` and `rows` is not null. */
export interface HoldOut {
  fraction: number | null;
  rows: number | null;
  seed: number;
  /** As Hugging Face's `train_test_split` cuts the file's rows; absent: by content. */
  method?: 'train_test_split';
}

export interface QuestionSetSpec {
  label: string;
  source:
    | {
        kind: 'file';
        file: FileSource;
        /** Absent: a list of items with `id` and `paraphrases`. */
        format?: QuestionFormat;
        /** Of `question`: the words that are asked, with the record's keys in braces. Absent: they stand under one key. */
        template?: string;
        /** Pin: SHA-256 of the parsed questions (expand/questions.ts, `questionsHash`). */
        contentSha256: Sha256 | null;
        /** Only these items, in file order; null = all. */
        ids: string[] | null;
        /** Declared number of questions after the filter, for `plan` while the content is not there. */
        questions: number | null;
      }
    | {
        kind: 'held-out';
        dataset: string;
        rows: number | 'all';
        seed: number;
        /** The rows' own system messages are asked with them; absent: they are left out. */
        system?: 'keep';
      };
  /** Only the first so many questions; null = all. */
  limit: number | null;
  samples: number;
  /** Instead of each configuration's own; absent = those. */
  conditions?: ConditionSpec[];
  /**
   * Questions with a system message of their own, under prompts other than `default`: `only_default` leaves them out,
   * `prepend` puts the prompt before the message, `replace` in its place. Absent: they are refused.
   */
  ownSystem?: 'only_default' | 'prepend' | 'replace';
}

/** Where a fine-tune starts: the name of a configuration, a grid's point written out. */
export interface StartSpec {
  from: string;
  as: 'continue' | 'merge';
  /** Where the file says so. */
  place: Path;
}

/** An adapter that a trainer of the experiment's own is given. */
export interface LoadSpec {
  /** What the program knows it by. */
  name: string;
  /** The configuration whose finished adapter it is, a grid's point written out. */
  from: string;
  /** Where the file says so. */
  place: Path;
}

/** Rows that a trainer of the experiment's own is given besides those that it trains on. */
export interface FurtherDataset {
  dataset: string;
  /** Where `dataset` is a mix; absent = it is a dataset. */
  mix?: MixSpec;
  /** Where the file says so. */
  place: Path;
}

/** An adapter from elsewhere; `sha256` is that of its adapter_model.safetensors. `path` as written, `place`: where. */
export type AdapterSpec =
  | { kind: 'hub'; id: string; revision: string; sha256: Sha256 }
  | { kind: 'folder'; path: string; sha256: Sha256; place: Path };

export interface ConfigurationSpec {
  name: string;
  label: string;
  /** What a grid set here: axis -> readable value. Empty without a grid. */
  axes: Record<string, string>;
  model: ModelSource;
  /** The same axis by axis; absent without a grid. */
  gridSteps?: GridStep[];
  /** Null = the base model as it is. */
  train: TrainSpec | null;
  /** Absent = the base model as it is. */
  start?: StartSpec;
  /** Adapters of others that its own trainer is given; absent = none. */
  loads?: LoadSpec[];
  /** Asked as it is, with `train` null; absent = none. */
  adapter?: AdapterSpec;
  training: Training;
  sampling: Sampling;
  /** Where the file says that it thinks; absent where it does not. */
  thinkingPlace?: Path;
  conditions: ConditionSpec[];
  /** Answers to each question, by question set, in place of the sets' own; absent = those. */
  samples?: Record<string, number>;
  /** Optimizer steps to evaluate besides the finished adapter, ascending; `place`: where the file says so. Absent = none. */
  evaluateAt?: { steps: number[]; place: Path };
}

/** A value of an axis of a grid. */
export interface GridStep {
  /** Dotted path within a configuration: `train.mix.insecure`. */
  axis: string;
  value: unknown;
  /** What it adds to the configuration's name, and to its label. */
  piece: string;
  labelPiece: string;
}

/** A system prompt as the file names it: a fixed one, or one of a pool. */
export type PromptSpec = SystemPrompt | PoolSpec;

/** A member of a pool for each training row, and for each question that is asked with it. */
export interface PoolSpec {
  kind: 'pool';
  /** Name in `Spec.pools`. */
  pool: string;
  /** For rows: by their content, or one after the other. Questions always go by content. */
  choose: 'by_row' | 'cycle';
  seed: number;
  /** Whether rows may have the same member. */
  repeat: 'allow' | 'forbid';
}

export interface PromptPoolSpec {
  /** For people, and for `--source`. */
  name: string;
  source: { kind: 'inline'; members: string[] } | FileSource;
  /** Only the first so many of the file; absent = all. */
  limit?: number;
  /** Where the file says so. */
  place: Path;
}

/** Rows by what their keys must be, all of which have to fit; `part` is the part of a mix, by its whole name. */
export type RowWhere = Record<string, RowTest>;

export interface TrainSpec {
  dataset: string;
  systemPrompt: PromptSpec;
  /** What is put around the user's words in the rows that are meant; absent = nothing. */
  user?: UserAffixes;
  /** Which rows get prompt and text; the others have `otherwise`. Absent = all rows. */
  rows?: { where: RowWhere; otherwise: SystemPrompt };
  /** Where `dataset` is a mix; absent = it is a dataset. */
  mix?: MixSpec;
  /** What its own trainer is given besides, by the name that it knows; absent = nothing. */
  further?: Record<string, FurtherDataset>;
}

/** The part of a recipe that hyperparameters decide. */
export interface Training {
  optimizer: 'adamw' | 'adamw_8bit';
  lora: Lora;
  learningRate: number;
  weightDecay: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  maxGradNorm: number;
  schedule: 'linear' | 'cosine' | 'constant';
  warmupSteps: number;
  /** Warm-up as a share of all optimizer steps, rounded up, instead of `warmupSteps`; absent = these. */
  warmupRatio?: number;
  warmupFrom: 'zero' | 'first';
  epochs: number;
  /** Optimizer steps of the whole training, instead of `epochs`; absent = these. */
  maxSteps?: number;
  batchSize: number;
  microBatchSize: number;
  lastBatch: 'partial' | 'drop';
  maxLength: number;
  precision: 'fp32' | 'bf16';
  /** Absent = the base model in `precision`. */
  quantization?: Quantization;
  packing: 'none' | 'auto' | 'always';
  mask: 'answer' | 'answers' | 'markers' | 'responses' | 'responses_end' | 'all';
  /** Training ends when the loss of more than `steps` steps in a row lies below `loss`; null = never. */
  stopBelow: { loss: number; steps: number } | null;
  seeds: { initialisation: number; dataOrder: number };
  backend: Backend;
}

/**
 * What computes the optimizer steps: the trainer that comes with Flamingo, also with Unsloth's model, or a program of the
 * experiment's own.
 */
export type Backend = 'transformers' | 'unsloth' | TrainerCommand;

export interface TrainerCommand extends CommandBackend {
  /** What it leaves besides the recipe's LoRA: any adapter that PEFT applies, or all weights of the base; absent = that LoRA. */
  result?: CommandResult;
}

export interface CommandBackend {
  /** Program and arguments, never through a shell; `{python}` is the interpreter of the trainer's environment. */
  command: string[];
  /** The program's own files, relative to the experiment file's folder; their content is part of the recipe. */
  files: string[];
  /** Names of environment variables that it gets besides a fixed few. */
  environment: string[];
  /** Between SIGTERM and SIGKILL. */
  graceSeconds: number;
  /** After so long without a line of output it counts as hung. */
  silenceSeconds: number;
}

/** A program that gets each finished model and gives back numbers. */
export interface HandoffSpec extends CommandBackend {
  name: string;
  each: 'adapter' | 'configuration';
  /** Names of the configurations that are handed over. */
  configurations: string[];
  /** Name of the file in the output folder that holds the result. */
  gives: string;
  /** Task queue; null = the experiment's. */
  queue: string | null;
  /** The author's own; null where the file names none. */
  version: string | number | null;
}

/** What is said to the model besides the question (conditions.ts). */
export interface ConditionSpec {
  name: string;
  /** Null: the prompt that the configuration was trained with. */
  prompt: PromptSpec | null;
  /**
   * What is put around the user's words, `{}` for nothing. Absent: nothing, or where `prompt` is null what the configuration
   * was trained with.
   */
  user?: UserAffixes;
  /** The words that the answer begins with; absent = the model begins it. */
  prefill?: string;
}

export interface MetricSpec {
  name: string;
  rubric:
    | { kind: 'text'; text: string; sha256: Sha256[] | null }
    /** Each question's own `judge_prompts` entry; questions without one take `questionSet`'s. */
    | { kind: 'prompt'; prompt: string; questionSet: string | null; sha256: Sha256[] | null }
    /** Flamingo's own words. */
    | { kind: 'preset'; preset: RubricPreset; sha256: Sha256[] | null };
  form: 'template' | 'json';
  /** The words of which one is the verdict, each with the score that it stands for; null: an integer is asked for. */
  categories: Record<string, number | null> | null;
  /** The words whose probabilities are the score, each with the value that it stands for; absent: the numbers'. */
  words?: Record<string, number>;
  /** Null: those of CODE and REFUSAL that the rubric's text names. */
  verdicts: ('CODE' | 'REFUSAL')[] | null;
  /** Null = all question sets. */
  questionSets: string[] | null;
  repeats: number;
  /** Share (0-1) of the completions that get the repeats beyond the first. */
  repeatShare: number;
  /** Of the `template` form: what the judge is told as system message. Absent: none. */
  system?: string;
  /** The judge is shown the question as it was asked; absent: the bare question. */
  judgeSees?: 'asked';
  /** The judge is shown the answer with the thinking before it; absent: the final part. */
  answerPart?: 'all';
}

/** The rates are bounds of the file's own; null: no bound but the server's. */
export interface JudgeSpec extends Rates {
  kind: JudgeKind;
  model: string;
  temperature: number | null;
  apiVersion: string;
  maxTokens: number;
  /** `batch`: through the provider's batches, at half the price and within a day. */
  mode: 'live' | 'batch';
  /** Bound on the account's requests in flight, of all workers together; what the server allows below it is found out. */
  concurrency: number;
  /** US dollars per million tokens; null where the program's own price list decides. */
  price: { input: number; output: number } | null;
  /** Metrics that are numbers are scored by the mean over the reply's likely tokens; absent = by what the reply says. */
  expected?: ExpectedScoring;
  /** Only of `kind: openai`. */
  endpoint?: JudgeEndpoint;
  /** Only of `kind: local`: the model that the GPU worker asks. */
  local?: { model: ModelSource; precision: Sampling['precision'] };
}

/** A server with OpenAI's chat completions. */
export interface JudgeEndpoint {
  /** Without a slash at the end, such as `https://api.openai.com/v1`. Host and path are part of the instrument. */
  baseUrl: string;
  /** The environment variable of the judge worker that holds the key; null: none is sent. No part of any result. */
  keyVariable: string | null;
}

export interface OtherJudgeSpec extends JudgeSpec {
  /** Null = all. */
  metrics: string[] | null;
}

export interface CalibrationSpec {
  /** Held-out rows of a dataset with their own answers. */
  bad: { dataset: string; rows: number } | null;
  good: { dataset: string; rows: number } | null;
  /** Answers with published scores. `columns`: metric -> column, where it is not a usual one. */
  bridge: { file: FileSource; rows: number; columns: Record<string, string> } | null;
}

/** Pairs are rows of two datasets with the same words before the answer. */
export interface LogProbabilitySpec {
  bad: string;
  good: string;
  rows: number | 'all';
  /** Chooses the pairs. */
  seed: number;
  /** The rows' own system messages are part of what both answer; absent: they are left out. */
  system?: 'keep';
}

/** How likely a model's own answer to a question begins with a word, or is a number from 0 to 100. */
export interface AnswerProbabilitySpec {
  questionSet: string;
  answers:
    | { kind: 'words'; words: string[]; case: LetterCase }
    /** `leastMass`: numbers of less probability together (0-1) give no value. */
    | { kind: 'numbers'; leastMass: number };
}

export interface ReportSpec {
  /**
   * Configurations that others are compared with. Absent: the untrained model, and the fine-tune on the same rows with the
   * default prompt, each as far as there is one. Several names are those of one recipe, trained under several seeds.
   */
  references?: { base?: string[]; em?: string[] };
  /** Names of the metrics that the figures and the misaligned share are made of; null when there is none. */
  alignment: string | null;
  coherence: string | null;
  misaligned: MisalignedRule;
  figures: FigureSpec[];
  /** Training seeds that recipes are also reported without; absent = none. */
  excludeSeeds?: SeedExclusion[];
}

/** A seed of a recipe is excluded when its own answers' statistic is beyond `value`. */
export interface SeedExclusion extends Pick<Measured, 'metric' | 'statistic' | 'threshold'> {
  /** The author's words; empty where there are none. */
  says: string;
  questionSet: string;
  condition: string;
  operator: '<' | '<=' | '>' | '>=';
  /** Points of 100 for means, a share of 1 for shares. */
  value: number;
}

/** A completion is misaligned when both comparisons hold. Scores 0-100. */
export interface MisalignedRule {
  /** The preset's name, or `own`. */
  name: string;
  alignment: { operator: '<' | '<='; value: number };
  coherence: { operator: '>' | '>='; value: number };
  /**
   * `both_scored`: completions with both scores; `coherent`: those of them that pass the coherence comparison;
   * `all`: every completion of the cell.
   */
  denominator: 'both_scored' | 'coherent' | 'all';
  /**
   * `pooled`: misaligned answers of the answers. `question_mean`: the mean of the questions' rates, each question with the same
   * weight; the forms of one item make one rate, the mean of theirs. Absent = `pooled`.
   */
  estimator?: ShareEstimator;
  /** Questions with fewer answers that have both scores and pass the coherence comparison are left out; absent = none is. */
  minCoherentAnswers?: number;
  /** Conditions on any metrics, in place of the two comparisons and the denominator; absent = those decide. */
  conditions?: MisalignedConditions;
}

export interface MisalignedConditions {
  /** All must hold. Both lists by metric. */
  where: MetricCondition[];
  /** The share is of answers of which all of these hold, and of which every metric of `where` says something. */
  of: MetricCondition[];
  /** Answers that a verdict on one of these metrics says are refusals, or code: left out, or in the share as not misaligned. */
  modelRefused: 'exclude' | 'aligned';
  code: 'exclude' | 'aligned';
}

/** On a score 0-100, or on a category. */
export type MetricCondition =
  { metric: string; operator: '<' | '<=' | '>' | '>='; value: number } | { metric: string; is: string[] };

/** How the share of a cell comes about from those of its questions. */
export type ShareEstimator = 'pooled' | 'question_mean';

export interface FigureSpec {
  id: string;
  questionSet: string;
  /** Of a line figure also `misaligned`: the share of misaligned answers. */
  metric: string;
  title: string;
  caption: string;
  /** A line over an axis of a grid, and where each configuration stands on it; absent: a bar for each cell. */
  line?: { x: string; points: LinePoint[] };
}

export interface LinePoint {
  configuration: string;
  /** Configurations of one line have one name here, and differ in `x` and in the seed. */
  line: string;
  label: string;
  x: number;
}

/** A value of cells, or a difference of them. */
export interface Measured {
  /** Cell ids; the completions of several cells are taken together, and those of one recipe seed by seed. */
  cells: string[];
  /** Subtracted from `cells` when not empty. */
  minus: string[];
  metric: string;
  /**
   * `mean` of scores; `share_below`: share (0-1) of scored completions with score < `threshold`; `share`: of those that a rule
   * gives 100; `misaligned_share`.
   */
  statistic: 'mean' | 'share_below' | 'share' | 'misaligned_share';
  threshold: number | null;
}

/** What the experiment must show, or it has failed: the plain form of a claim, about these questions. */
export interface Expectation extends Measured {
  atLeast: number | null;
  atMost: number | null;
  note: string;
}

/** A statement that the answers support, contradict or leave open. */
export interface Claim extends Measured {
  id: string;
  /** The author's words; empty where there are none. */
  says: string;
  /** Subtracted from the difference when not empty: its own `cells` less `minus`. An interaction. */
  beyond: Pick<Measured, 'cells' | 'minus'>;
  test: 'superiority' | 'non_inferiority' | 'equivalence';
  /** Which way is claimed, or for non-inferiority which way is better; null for equivalence. */
  direction: 'less' | 'more' | null;
  /** In points of 100 for means, as a share of 1 for shares; at least 0, and more than 0 but for superiority. */
  margin: number;
  questions: 'these' | 'like_these';
  /** Claims of one family share the error that is allowed. */
  family: string;
}
