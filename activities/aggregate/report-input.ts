/**
 * What a report is built from: the plan, the rows of its cells, and how they came about.
 *
 * Results (`cells.csv`, `questions.csv`, `report.json`, figures) depend on `plan`, `spec` and `cells` alone, so that two
 * runs with equal rows give equal bytes. All the rest is provenance: it reaches report.html and provenance.json only.
 */
import type { Sha256 } from '../../experiment/canonical';
import type { Plan } from '../../experiment/plan';
import type { Spec } from '../../experiment/spec';
import type { CellContents } from './cell';

export interface ReportInput {
  plan: Plan;
  spec: Pick<Spec, 'description' | 'report' | 'expect' | 'judge' | 'questionSets' | 'smoke'>;
  /** In any order; a cell of the plan that is not here counts as having no rows. */
  cells: readonly CellContents[];
  /** What could not be done, and why. */
  failures: readonly Failure[];
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

export interface Failure {
  configuration: string;
  /** Cell id; null when it concerns the whole configuration. */
  cell: string | null;
  message: string;
}

export interface TrainingLog {
  configuration: string;
  points: { step: number; loss: number }[];
}

export interface Provenance {
  /** ISO 8601. */
  builtAt: string;
  host: string;
  /** Version of Flamingo, and its commit where it runs from a clone. */
  flamingo: { version: string; commit: string | null };
  /** The experiment file's own words. */
  file: { path: string; text: string };
  /** What this run changed: `--smoke`, `--judge`, sources taken from local copies. */
  overrides: readonly string[];
  fineTunes: readonly FineTuneProvenance[];
  cells: readonly CellProvenance[];
  judging: readonly JudgingProvenance[];
}

export interface FineTuneProvenance {
  configuration: string;
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
  content: string | Buffer;
}
