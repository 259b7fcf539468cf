/**
 * What a report is built from: the plan, the rows of its cells, and how they came about.
 *
 * Results (all CSV files, `report.json`, figures) depend on `plan`, `spec`, `cells`, those of `alongTraining`,
 * `otherJudges`, `calibration`, `logProbabilities`, `answerProbabilities` and `handedOver` alone, so that two runs with equal rows give equal bytes. All the
 * rest is provenance: it reaches report.html and provenance.json only.
 */
import type { RegisteredClaims } from '../artifacts/claims';
import type { Healed } from '../artifacts/healing';
import type { Sha256 } from '../experiment/canonical';
import type { Plan, PlannedMetric } from '../experiment/plan';
import type { Judgement } from '../experiment/rows';
import type { Judged } from '../experiment/main-judge';
import type { Spec } from '../experiment/spec';
import type { UnreadCell } from './gather/unread';
import type { CellContents } from './statistics/cell';
import type { HandedOver } from './statistics/handoffs';
import type { AnsweredCondition } from './statistics/answer-probability';
import type { MeasuredCondition } from './statistics/log-probability';

export interface ReportInput {
  /** The cells' `metrics` are the main judge's alone, a combined one as one metric for each of its parts. */
  plan: Plan;
  spec: Pick<Spec, 'description' | 'report' | 'expect' | 'claims' | 'judge' | 'questionSets' | 'smoke' | 'scorers'> &
    Judged;
  /** In any order; a cell of the plan that is not here counts as having no rows. */
  cells: readonly CellContents[];
  /** Cells along training, each with its `step`; the plan here leaves them out. `later` is provenance. */
  alongTraining?: { cells: readonly CellContents[]; later: readonly KeptLater[] };
  /** How the main judge is called beside others; default: `judge`, with the model of `spec.judge`. */
  mainJudge?: { name: string; label: string };
  /** Further judges of the same completions, in any order. Shown side by side; figures are the main judge's. */
  otherJudges?: readonly OtherJudge[];
  /** Answers of known sign as the judges scored them; at most one entry per judge. */
  calibration?: readonly JudgeCalibration[];
  /** What was measured of the plan's pairs; needed where it has any. */
  logProbabilities?: readonly MeasuredCondition[];
  /** What was measured of the plan's `answerProbabilities`; needed where it has any. */
  answerProbabilities?: readonly AnsweredCondition[];
  /** What programs said of the models; needed where the plan hands any over. */
  handedOver?: readonly HandedOver[];
  /** What judging had to go through, for judges where that is known. */
  judgingCounts?: readonly JudgingCounts[];
  /** Where not one reply of a judge could be read. */
  unread?: readonly UnreadCell[];
  /** What could not be done, and why. */
  failures: readonly ReportedFailure[];
  /** Loss curves, where there are logs. */
  trainingLogs: readonly TrainingLog[];
  provenance: Provenance;
  costs: Costs;
  /**
   * Held-out rows are rows of a dataset, and the authors of some keep theirs out of plain text: the report names such
   * questions by id and prints their words only when this is true. Default false.
   */
  showHeldOutQuestions?: boolean;
}

/** Adapters that were kept by a training after the one that finished. */
export interface KeptLater {
  configuration: string;
  steps: readonly number[];
  host: string;
  /** ISO 8601. */
  at: string;
  /** Loss and gradient norm of every step are those of the finished one, digit by digit: the very same training. */
  same: boolean;
}

export interface OtherJudge {
  /** Unique among all judges, the main one included. */
  name: string;
  /** For people: model and form of the rubric. */
  label: string;
  /** Its scores come from a deterministic program; said wherever the judge is named. */
  standIn: boolean;
  /** The cells that it judged, or was asked to; a cell of the plan that is not here takes no part. */
  cells: readonly {
    cell: string;
    /** What it was asked, flat like those of the plan's cells: counts what is missing. */
    metrics: readonly PlannedMetric[];
    judgements: readonly Judgement[];
  }[];
}

export interface JudgeCalibration {
  /** The judge's name; the main one's is that of `mainJudge`. */
  judge: string;
  /** At most one for each pair of name and metric. */
  sets: readonly CalibrationSet[];
  /** The metrics in which bad and good answers must differ; default: `spec.report.alignment` alone. */
  separates?: readonly string[];
}

export interface CalibrationSet {
  /** `bad`: should score low; `good`: should score high; `bridge`: answers with published scores. */
  name: 'bad' | 'good' | 'bridge';
  metric: string;
  /** One per answer, 0-100; null = not scored. */
  scores: readonly (number | null)[];
  /** What each answer's question is, in the same order: answers to one question are not independent. */
  items: readonly string[];
  /** The published score of each answer, in the same order; `bridge` has it, the other two do not. */
  reference?: readonly (number | null)[];
}

export interface JudgingCounts {
  judge: string;
  /** By kind, in words for people: `met: rate limit (429)`, `missing: server error (5xx)`. */
  counts: Record<string, number>;
}

export interface ReportedFailure {
  configuration: string;
  /** Cell id; null when it concerns the whole configuration. */
  cell: string | null;
  message: string;
}

export interface TrainingLog {
  configuration: string;
  /** One per optimizer step. */
  points: TrainingPoint[];
  /** How the same steps ran; empty where the trainer did not tell, as one of the experiment's own need not. */
  speed: TrainingSpeed[];
  /**
   * After each epoch, on the rows that this experiment holds out; `not measured` where the fine-tune did not watch these;
   * absent where it holds none out.
   */
  heldOut?: HeldOutLoss[] | 'not measured';
}

export interface HeldOutLoss {
  step: number;
  /** Mean over the trained tokens of the rows, in nats; null = not measured after this epoch. */
  loss: number | null;
}

export interface TrainingPoint {
  step: number;
  /** Mean over the step's trained tokens. */
  loss: number;
  /** Absent, like the next, where a trainer of the experiment's own does not tell. */
  learningRate?: number;
  /** Before it was clipped. */
  gradNorm?: number;
}

export interface TrainingSpeed {
  step: number;
  tokensPerSecond: number;
  /** The most memory in use up to this step: of the GPU, or of the process. */
  memoryBytes: number;
}

export interface Provenance {
  /** ISO 8601. */
  builtAt: string;
  host: string;
  flamingo: ProgramVersion;
  /** The experiment file's own words. */
  file: { path: string; text: string };
  /** What this run changed: `--smoke`, `--judge`, sources taken from local copies. */
  overrides: readonly string[];
  fineTunes: readonly FineTuneProvenance[];
  cells: readonly CellProvenance[];
  judging: readonly JudgingProvenance[];
  /** Absent where nothing is measured. */
  measurements?: readonly MeasurementProvenance[];
  /** Absent where nothing is handed over. */
  handoffs?: readonly HandoffProvenance[];
  /** What was found damaged in the store, and made anew; absent for nothing. */
  healed?: readonly Healed[];
  /** What was claimed, and since when; absent for nothing. */
  claims?: readonly RegisteredClaims[];
}

/** Version of Flamingo, and its commit where it runs from a clone. */
export interface ProgramVersion {
  version: string;
  commit: string | null;
}

/** Where log-probabilities were measured. */
export interface MeasurementProvenance {
  configuration: string;
  /** What the probe of the model found (gpu-activities/probe-facts.ts); absent in what was made before there was one. */
  probe?: string;
  /** Or outcome and condition, where answers were measured (experiment/measurements.ts). */
  condition: string;
  key: Sha256;
  host: string;
  device: string;
  versions: Readonly<Record<string, string>>;
  seconds: number;
  /** ISO 8601, when it was committed. */
  at: string;
}

/** Where a program got a model. */
export interface HandoffProvenance {
  configuration: string;
  handoff: string;
  key: Sha256;
  /** Attempts it took, the last included. */
  attempts: number;
  host: string;
  seconds: number;
  /** ISO 8601, when its result was committed. */
  at: string;
  /** Where in the store what the program printed lies. */
  log: string | null;
}

export interface FineTuneProvenance {
  configuration: string;
  /** What the probe of the model found (gpu-activities/probe-facts.ts); absent in what was made before there was one. */
  probe?: string;
  recipeKey: Sha256;
  adapterSha256: Sha256;
  steps: number | null;
  trainedTokens: number | null;
  rowsTruncated: number | null;
  seconds: number | null;
  /** Attempts it took, the last included. */
  attempts: number;
  /** How the earlier attempts ended, oldest first. */
  endings: readonly { end: string; message: string; checkpointStep: number | null }[];
  /** Step of the checkpoint that the last attempt went on from. */
  resumedFrom: number | null;
  host: string;
  device: string;
  versions: Readonly<Record<string, string>>;
  /** ISO 8601, when it was committed. */
  at: string;
}

/** Where the completions of a cell were made. */
export interface CellProvenance {
  cell: string;
  /** What the probes of the model found, each once; absent as above. */
  probes?: readonly string[];
  /** Completions with a special token before their end, which their text leaves out; absent where there is none. */
  withSpecialTokens?: number;
  shards: number;
  hosts: readonly string[];
  devices: readonly string[];
  /** New tokens. */
  tokens: number;
  seconds: number | null;
  /** ISO 8601: first and last commit. */
  from: string | null;
  to: string | null;
}

/** What judging a cell took. Requests that several cells share are counted in each. */
export interface JudgingProvenance {
  cell: string;
  /** Models as the responses name them. */
  models: readonly string[];
  hosts: readonly string[];
  requests: number;
  inputTokens: number;
  outputTokens: number;
  from: string | null;
  to: string | null;
}

/** What the judge cost, over all attempts; a stand-in's requests cost nothing. */
export interface Costs {
  requests: number;
  inputTokens: number;
  outputTokens: number;
  /** US dollars; null when the model's price is unknown. */
  usd: number | null;
  /** Date of the price list, or where the price is from. */
  prices: string | null;
}

/** A file of the report, by path relative to its folder. */
export interface ReportFile {
  path: string;
  content: string | Buffer | Chunks;
}

/** A text that is made while it is written: all of it at once may be larger than the rest of the report together. */
export class Chunks implements Iterable<string> {
  constructor(private readonly make: () => Iterable<string>) {}

  /** Pieces of some hundred kilobytes. */
  *[Symbol.iterator](): Iterator<string> {
    let kept = '';
    for (const piece of this.make()) {
      kept += piece;
      if (kept.length < CHUNK) continue;
      yield kept;
      kept = '';
    }
    if (kept !== '') yield kept;
  }

  toString(): string {
    return [...this].join('');
  }
}

/** Characters. */
const CHUNK = 262_144;
