/**
 * What a GPU worker and its trainer say to each other: JSON Lines, commands on the trainer's file descriptor 3, events
 * on 4. stdout and stderr are logs. The trainer exits when descriptor 3 reaches its end (its parent died).
 *
 * The Python side of this contract is gpu-activities/trainer/flamingo_trainer/protocol.py; change both together.
 */
import type {
  AnswerForms,
  Message,
  ModelIdentity,
  Quantization,
  Recipe,
  Sampling,
  SystemPrompt,
} from '../../experiment/plan';

export interface FinetuneCommand {
  op: 'finetune';
  id: number;
  /** A model folder, or hub id and revision (looked up in the hub cache, downloaded if the worker allows it). */
  model: { path: string } | { hub: string; revision: string };
  recipe: Recipe;
  /** Training rows as canonical JSON Lines of `{"messages": [...]}`; the trainer checks their SHA-256 against the recipe. */
  rows: string;
  /** Rows of the same form whose loss is computed after each epoch, for the log; null = none. They change no weight. */
  heldOut: string | null;
  /** This attempt's own folder: it receives `checkpoints/step-000005/…` and at the end `adapter/…`. */
  attemptFolder: string;
  /** Every attempt folder of this key, this one included; the newest *verified* checkpoint in them is resumed. */
  searchFolders: string[];
  /**
   * Checkpoint every so many optimizer steps; null = as often as the measured times of steps and saves allow. A SIGTERM
   * or `stop` checkpoints at once.
   */
  checkpointEverySteps: number | null;
  /** Optimizer steps, ascending, whose adapters are kept: those that no attempt folder has are made. */
  keepSteps: number[];
  /**
   * Train no further than to this step, and finish no adapter: the finished one is there already, and only what is to be
   * kept is lacking. Null = to the end.
   */
  until: number | null;
  /** Adapters that it starts from; absent = none. `merged` go into the base, in order; the new one begins with `continued`. */
  start?: { merged: AdapterFolder[]; continued: AdapterFolder | null };
}

/** adapter_model.safetensors with its `sha256`, adapter_config.json with its `configSha256`. */
export interface AdapterFolder {
  path: string;
  sha256: string;
  configSha256: string;
}

/** Rows for a trainer that is not this one: `rows.jsonl` and `steps.jsonl` in `folder` (handover.py). */
export interface PrepareCommand {
  op: 'prepare';
  id: number;
  model: FinetuneCommand['model'];
  recipe: Recipe;
  rows: string;
  /** Name -> path of further rows of the recipe; `datasets/NAME.jsonl` receives them in the form of `rows.jsonl`. Absent = none. */
  further?: Record<string, string>;
  folder: string;
}

/**
 * Checks what it left in `produced`, and writes it into `adapterFolder`: the recipe's LoRA as our own are written, another adapter as
 * it is, a whole model with the list of its files (any_result.py). The last two are loaded for it.
 */
export interface AcceptCommand {
  op: 'accept';
  id: number;
  model: FinetuneCommand['model'];
  recipe: Recipe;
  produced: string;
  adapterFolder: string;
  /** The optimizer step that it is of; absent = the finished one. */
  step?: number;
}

/**
 * An adapter from elsewhere: found or downloaded, held against its pin and its base, and written into `adapterFolder` with its
 * weights as they are. `source`: a folder, or hub id and revision (handled as a model's are).
 */
export interface AdoptCommand {
  op: 'adopt';
  id: number;
  model: FinetuneCommand['model'];
  /** What the model is called in the plan: an adapter that names another base is refused. */
  identity: ModelIdentity;
  source: { path: string } | { hub: string; revision: string };
  sha256: string;
  adapterFolder: string;
}

/** Only says where the base model lies on this host; a hub model is downloaded if the worker allows it (handover.py). */
export interface LocateCommand {
  op: 'locate';
  id: number;
  model: FinetuneCommand['model'];
}

export interface GenerateItem {
  id: string;
  /** Question key and sample index: with the seed they key the randomness. */
  question: string;
  sample: number;
  /** Without the prompt condition's system message. */
  messages: Message[];
}

export interface GenerateCommand {
  op: 'generate';
  id: number;
  model: { path: string } | { hub: string; revision: string };
  /** Null = the base model. */
  adapter: AdapterFolder | null;
  /** Adapters that are merged into the base before, in this order; absent = none. */
  merged?: AdapterFolder[];
  systemPrompt: SystemPrompt;
  /** The words that every answer begins with: part of each answer's text, and none of its tokens. Absent = none. */
  prefill?: string;
  sampling: Sampling;
  /** JSON Lines of `GenerateItem`. */
  items: string;
  /** Receives JSON Lines of `Completion`, sorted by id, written whole and renamed into place. */
  out: string;
}

/** A model under one prompt condition, of which something is measured without sampling. */
interface MeasuringCommand {
  id: number;
  model: { path: string } | { hub: string; revision: string };
  adapter: AdapterFolder | null;
  /** The same as in `GenerateCommand`. */
  merged?: AdapterFolder[];
  systemPrompt: SystemPrompt;
  precision: Sampling['precision'];
  /** The base is held in 4 bits; absent = in `precision`. */
  quantization?: Quantization;
}

export interface MeasureCommand extends MeasuringCommand {
  op: 'measure';
  /** JSON Lines of `AnswerPair` (experiment/expand/pairs.ts). */
  pairs: string;
  /** Receives JSON Lines of `MeasuredPair`, sorted by id, written whole and renamed into place. */
  out: string;
}

/** How likely each of these answers is behind each prompt. */
export interface ProbabilitiesCommand extends MeasuringCommand {
  op: 'probabilities';
  answers: AnswerForms;
  /** JSON Lines of `{"id", "messages"}`. */
  items: string;
  /** Receives JSON Lines of `MeasuredAnswers`, sorted by id, written whole and renamed into place. */
  out: string;
}

/** What a judge is asked, for the probability of each number from 0 to 100, or of each word, as its answer. */
export interface ScoreCommand {
  op: 'score';
  id: number;
  model: { path: string } | { hub: string; revision: string };
  /** What a person knows the model by, for errors. */
  name: string;
  precision: Sampling['precision'];
  /** What is meant in place of the numbers; absent = the numbers. */
  answers?: AnswerForms;
  /** JSON Lines of `{"id", "messages"}`. */
  items: string;
  /** Receives JSON Lines of `ScoredItem`, sorted by id, written whole and renamed into place. */
  out: string;
}

/** `refused`: why the model can not be asked this, such as that it is longer than what it reads. */
export type ScoredItem = { id: string; adapter: null } & (
  | {
      /** Log-probabilities, in nats, of the numbers 0 to 100 as the whole number that the answer begins with. */
      numbers: number[];
      first: FirstTokens;
    }
  | {
      /** The same of `ScoreCommand.answers`, in their order. */
      answers: number[];
      first: FirstTokens;
    }
  | { refused: string }
);

/** Text and log-probability of the likeliest first tokens. */
type FirstTokens = [string, number][];

/**
 * Stop the running operation after the present step: a fine-tune checkpoints, a generation and a score drop their shard, a
 * measurement all.
 */
export interface StopCommand {
  op: 'stop';
}
export interface ExitCommand {
  op: 'exit';
}
/** What ends with `committed`, `stopped` or `failed`. */
export type OperationCommand =
  | FinetuneCommand
  | GenerateCommand
  | MeasureCommand
  | ProbabilitiesCommand
  | ScoreCommand
  | PrepareCommand
  | AcceptCommand
  | AdoptCommand
  | LocateCommand;
export type TrainerCommand = OperationCommand | StopCommand | ExitCommand;

/** `data`, `config`: the input is wrong, no retry helps. `oom`, `nan`: declared by the run. `cuda`, `internal`: the host. */
export type TrainerFailureKind = 'data' | 'config' | 'oom' | 'nan' | 'cuda' | 'internal';

export type LoadingPhase = 'model' | 'rows' | 'adapter' | 'probe' | 'checkpoint' | 'heldOut';

/**
 * What the trainer found before it trained, sampled or measured: whether its paths give what the model gives for a row alone
 * (trainer/flamingo_trainer/models/probe.py).
 */
export interface ProbeOutcome {
  /** Of this operation; 0 where the same model was probed before in this process. */
  seconds: number;
  /** By check: `equal`, `not used`, `skipped: …`, or how it differs. */
  checks: Record<string, string>;
  /** By what is done, the path that was chosen. */
  paths: Record<string, string>;
}

export type TrainerEvent =
  | { event: 'ready'; pid: number; device: string; versions: Record<string, string> }
  | { event: 'loading'; id: number; phase: LoadingPhase; detail: string }
  | {
      event: 'progress';
      id: number;
      /** Optimizer steps done (finetune), completions done (generate), pairs done (measure), items done (probabilities, score). */
      step: number;
      of: number;
      loss?: number;
      learningRate?: number;
      gradNorm?: number;
      tokensPerSecond?: number;
      memoryBytes?: number;
    }
  | { event: 'checkpoint'; id: number; step: number; path: string; sha256: string }
  | {
      event: 'committed';
      id: number;
      /**
       * finetune, accept: the folder of adapter_model.safetensors, adapter_config.json and README.md, and the SHA-256 of the
       * first; absent with `until`. Of a whole model that of model-files.json, which lists its files.
       */
      adapter?: { path: string; sha256: string };
      /** finetune, accept: on how many matrices the adapter lies, by the names that this model has for the modules. */
      matrices?: Record<string, number>;
      /**
       * finetune: one folder for each of `keepSteps`, from whatever attempt: an adapter's files as in `adapter`, the SHA-256
       * of its weights, and training-log.jsonl up to the step.
       */
      kept?: { step: number; path: string; sha256: string }[];
      /**
       * finetune: path of the training log (JSON Lines: step, loss, learningRate, gradNorm, trainedTokens), complete also
       * after a resume and then the same to the byte.
       */
      log?: string;
      /** finetune: path of what is never the same twice (JSON Lines: step, tokensPerSecond, memoryBytes). */
      speed?: string;
      /**
       * finetune: path of the losses on held-out rows (JSON Lines: step and loss at each epoch's end; null where a run
       * that did not watch them made the step), and of how many rows they are the mean, by trained token; null = nothing
       * held out.
       */
      heldOut?: { path: string; rows: number } | null;
      /** A trainer of the experiment's own: what it printed. */
      trainerLog?: string;
      steps?: number;
      resumedFrom?: number | null;
      rowsTruncated?: number;
      trainedTokens?: number;
      /** prepare, locate: where the base model lies on this host. prepare: the token that pads. */
      modelFolder?: string;
      padToken?: number;
      /** prepare: what PEFT is to be told, so that the adapter lies on the recipe's modules as this model names them. */
      targetModules?: string[];
      excludeModules?: string | null;
      /** prepare: of each further dataset, how many rows were cut. */
      furtherTruncated?: Record<string, number>;
      /** finetune: how steps were cut to fit the GPU (training/memory_plan.py); null on the padded path. */
      plan?: { tokens: number; recomputed: number; chunk: number } | null;
      /**
       * finetune: checkpoints made, seconds that training stood still for them, that writing and that steps took, and
       * those that a kill costs at most where no interval is declared.
       */
      saves?: {
        count: number;
        stallSeconds: number;
        writeSeconds: number;
        stepSeconds: number;
        intervalSeconds?: number;
      };
      /** generate: the file named in `out`. */
      completions?: number;
      /** generate: completions with a special token before their end, which their text leaves out. */
      withSpecialTokens?: number;
      /** generate: which loop made them. `batches` although `continuous` was asked for: the model does not allow it. */
      engine?: 'slots' | 'batches';
      /** generate: answers that shared a decode step at most, of which tokens' last digits depend; null for batches. */
      slots?: number | null;
      /** measure: pairs in the file named in `out`, their tokens with prompts, tokens of a forward pass at most. */
      pairs?: number;
      tokens?: number;
      tokensPerForward?: number;
      /** probabilities, score: items in the file named in `out` that were not refused; `tokens` are those of their prompts. */
      scored?: number;
      /** finetune, generate, measure, probabilities, score. A check that fails without a slower path that is right is a `failed` of kind `config`. */
      probe?: ProbeOutcome;
      seconds: number;
    }
  /** After `stop` or SIGTERM. `checkpoint` null: nothing to save yet, or no fine-tune. */
  | { event: 'stopped'; id: number; step: number; checkpoint: string | null }
  | { event: 'failed'; id: number; kind: TrainerFailureKind; message: string };
