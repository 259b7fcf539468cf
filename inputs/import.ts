/**
 * From an experiment file's text to a stored plan: parse, read the inputs, put them into the store. Shared by the
 * command line (`plan`, `run`) and the planning activity (`{"file"}` and `{"yaml"}` requests).
 */
import { existsSync } from 'node:fs';
import { cacheFolder } from '../workers/places';
import { storePlan } from '../artifacts/plans';
import type { Store } from '../artifacts/store';
import { pythonPath } from '../workers/toolchain';
import { withJudge } from '../experiment/file/build-judges';
import { InvalidExperiment } from '../experiment/issue';
import { formatProblems, parseExperiment, type Problem } from '../experiment/file/parse';
import type { ArtifactRef, Plan } from '../experiment/plan';
import { smoke } from '../experiment/file/smoke';
import type { JudgeSpec, Spec } from '../experiment/spec';
import { planExperiment, type PlanOutcome } from './plan';

export interface ExperimentText {
  text: string;
  /** How the file is called in messages. */
  name: string;
  /** Relative paths in it start here. */
  folder: string;
}

export interface Overrides {
  smoke?: boolean;
  judge?: JudgeSpec['kind'];
  output?: string;
  /** `--source NAME=PATH`. */
  sources?: Record<string, string>;
}

export interface ImportOptions extends Overrides {
  store: Store;
  /** Download nothing; what is not at hand is reported in `missing`. */
  offline?: boolean;
  /** Paths that leave the file's folder are refused: the file came from elsewhere. */
  confine?: boolean;
  onProgress?: (input: string, done: number, total: number | null) => void;
}

export interface ImportedExperiment extends Omit<PlanOutcome, 'plan' | 'modelFolder'> {
  spec: Spec;
  /** What is doubtful about the file, but no reason to refuse it. */
  warnings: Problem[];
  /** Null while inputs are missing. */
  plan: Plan | null;
  ref: ArtifactRef | null;
}

/** The file is not what it should be; the message has every problem with line, column and a hint. */
export class InvalidFile extends Error {
  override name = 'InvalidFile';
}

function parseText(
  { text, name }: ExperimentText,
  overrides: Overrides,
): Pick<ImportedExperiment, 'spec' | 'warnings'> {
  const parsed = parseExperiment(text, name);
  if (!parsed.ok) throw new InvalidFile(formatProblems(parsed.problems));
  const { warnings } = parsed;
  let { spec } = parsed;
  if (overrides.judge !== undefined) spec = withJudge(spec, overrides.judge);
  if (overrides.smoke) spec = smoke(spec);
  if (overrides.output !== undefined) spec = { ...spec, output: overrides.output };
  return { spec, warnings };
}

export async function importExperiment(file: ExperimentText, options: ImportOptions): Promise<ImportedExperiment> {
  const { spec, warnings } = parseText(file, options);
  const { store, sources, offline, confine, onProgress } = options;
  let outcome: PlanOutcome;
  try {
    outcome = await planExperiment(spec, {
      baseFolder: file.folder,
      cacheFolder: cacheFolder(),
      python: pythonIfThere(),
      store,
      ...(sources === undefined ? {} : { sources }),
      ...(offline === undefined ? {} : { offline }),
      ...(confine === undefined ? {} : { confine }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  } catch (error) {
    throw placed(error, file);
  }
  const { plan, modelFolder, ...rest } = outcome;
  if (plan === null) return { spec, warnings, plan, ref: null, ...rest };
  const ref = await storePlan(store, {
    plan,
    spec,
    source: { file: file.name, text: file.text },
    modelFolder,
    overrides: overridesInWords(options),
  });
  return { spec, warnings, plan, ref, ...rest };
}

/** A problem that only the inputs could show, at its place in the file. */
function placed(error: unknown, { text, name }: ExperimentText): unknown {
  if (!(error instanceof InvalidExperiment)) return error;
  const parsed = parseExperiment(text, name);
  const { path, message, hint } = error.issue;
  if (!parsed.ok || path.length === 0) return new InvalidFile(error.message);
  return new InvalidFile(formatProblems([parsed.problemAt(path, message, hint)]));
}

function overridesInWords({ smoke: shrunk, judge, sources }: Overrides): string[] {
  return [
    ...(shrunk ? ['--smoke: shrunk to minutes'] : []),
    ...(judge === undefined ? [] : [`--judge ${judge}`]),
    ...Object.keys(sources ?? {}).map((name) => `--source: ${name} was read from a local copy`),
  ];
}

/** Only protected archives need Python; without it they are reported as missing. */
function pythonIfThere(): string | null {
  try {
    const python = pythonPath();
    return existsSync(python) ? python : null;
  } catch {
    return null;
  }
}
