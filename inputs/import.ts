/**
 * From an experiment file's text to a stored plan: parse it, apply what the command line overrides, read its inputs, expand
 * them to a plan, store the plan's rows and then the plan. `flamingo plan` and `flamingo run` do it, and the planning
 * activity for requests with `file` or `yaml`.
 */
import { storePlan, type StoredPlan } from '../artifacts/plans';
import type { Store } from '../artifacts/store';
import { demandsOf, type Demand } from '../experiment/demands';
import { countsOf, planCounts, type PlanCounts } from '../experiment/expand/counts';
import { expand, type AdapterFiles, type Expanded } from '../experiment/expand/expand';
import { withJudge } from '../experiment/file/build-judges';
import { checkJudgedLocally } from '../experiment/file/build-local-judge';
import { checkAskedForWords } from '../experiment/file/build-words';
import { formatProblems, parseExperiment, type Problem } from '../experiment/file/parse';
import { smoke } from '../experiment/file/smoke';
import { InvalidExperiment } from '../experiment/issue';
import type { ArtifactRef, HandoffProgram, Plan, PlannedConfiguration } from '../experiment/plan';
import { mapValues } from '../experiment/records';
import type { JudgeSpec, Spec } from '../experiment/spec';
import { CompletionWriter } from './answers/completion-writer';
import { resolveInputs, type MissingInput, type ResolveOptions } from './resolve';
import { withScorerPrograms, withStoredFiles } from './stored-programs';

export interface ExperimentText {
  text: string;
  /** How the file is called in messages. */
  name: string;
  /** Relative paths in it start here. */
  folder: string;
  /** Whoever asks must not learn the text from messages: it is a file of this machine, named by another client. */
  secret?: boolean;
}

/** The problems as people see them; of a secret text only their places. */
function shown(problems: readonly Problem[], secret: boolean): string {
  if (!secret) return formatProblems(problems);
  const places = problems.map(({ file, line, column }) => `${file}:${line}:${column}`);
  return `${places.join(', ')}: not what an experiment file has there; \`flamingo validate\` on the worker’s machine says more`;
}

/** What one run changes about its file. */
export interface Overrides extends Pick<ResolveOptions, 'sources'> {
  smoke?: boolean | undefined;
  judge?: JudgeSpec['kind'] | undefined;
  output?: string | undefined;
}

export interface ImportOptions extends Overrides, Omit<ResolveOptions, 'baseFolder'> {
  store: Store;
  /** Told what the file asks of this machine before any of it is done; throws to refuse it. */
  accept?: (demands: Demand[]) => void;
}

export interface ImportedExperiment {
  /** The file as it was understood, with the overrides. */
  spec: Spec;
  /** What is doubtful about the file, but no reason to refuse it. */
  warnings: Problem[];
  /** Also while inputs are missing, then from what the file declares. */
  counts: PlanCounts;
  missing: MissingInput[];
  /** Null while inputs are missing: keys are made of content. */
  stored: { plan: Plan; whole: StoredPlan; ref: ArtifactRef } | null;
}

/** The file is not what it should be; the message has every problem with line, column and a hint. */
export class InvalidFile extends Error {
  override name = 'InvalidFile';
}

/** Throws `InvalidFile` for anything that only another file or other content can mend. */
export async function importExperiment(
  { text, name, folder, secret = false }: ExperimentText,
  options: ImportOptions,
): Promise<ImportedExperiment> {
  const { store } = options;
  const parsed = parseExperiment(text, name, options.judge);
  if (!parsed.ok) throw new InvalidFile(shown(parsed.problems, secret));
  const spec = overridden(parsed.spec, options);
  options.accept?.(demandsOf(spec));
  try {
    checkJudgedLocally(spec);
    checkAskedForWords(spec);
    const resolved = await resolveInputs(spec, { ...options, baseFolder: folder });
    const { inputs, missing, modelFolder, judgeFolders } = resolved;
    const warnings = [
      ...parsed.warnings,
      ...resolved.warnings.map(({ path, message, hint }) => parsed.problemAt(path, message, hint)),
    ];
    if (missing.length > 0) {
      return { spec, warnings, counts: planCounts(spec, inputs).counts, missing, stored: null };
    }
    const plan = await storeRows(store, expand(spec, inputs));
    const source = { file: name, text };
    const folders = Object.keys(judgeFolders).length === 0 ? {} : { judgeFolders };
    const whole: StoredPlan = { plan, spec, source, modelFolder, ...folders, overrides: inWords(options) };
    const ref = await storePlan(store, whole);
    return { spec, warnings, counts: countsOf(plan), missing, stored: { plan, whole, ref } };
  } catch (error) {
    if (!(error instanceof InvalidExperiment)) throw error;
    // only the inputs could show it; what concerns the file is shown at its place there
    const { path, message, hint } = error.issue;
    if (path.length === 0) throw new InvalidFile(error.message);
    const problem = parsed.problemAt(path, message, hint);
    throw new InvalidFile(formatProblems([secret ? { ...problem, sourceLine: '' } : problem]));
  }
}

function overridden(written: Spec, { judge, smoke: shrink, output }: Overrides): Spec {
  let spec = judge === undefined ? written : withJudge(written, judge);
  if (shrink) spec = smoke(spec);
  return output === undefined ? spec : { ...spec, output };
}

/** The overrides as the report names them. */
function inWords({ smoke: shrunk, judge, sources }: Overrides): string[] {
  return [
    ...(shrunk ? ['--smoke: shrunk to minutes'] : []),
    ...(judge === undefined ? [] : [`--judge ${judge}`]),
    ...Object.keys(sources ?? {}).map((name) => `--source: ${name} was read from a local copy`),
  ];
}

/**
 * The plan with its rows, pairs, given answers, and own programs in the store, by hash, so that every worker sees them.
 * Configurations that train on the same rows share one artifact.
 */
async function storeRows(store: Store, expanded: Expanded): Promise<Plan> {
  const {
    plan: planned,
    trainingRows,
    heldOutRows,
    furtherRows,
    trainers,
    adapters,
    handoffs,
    scorerPrograms,
    given,
    pairs,
  } = expanded;
  const plan = await withScorerPrograms(store, planned, scorerPrograms);
  for (const cell of plan.configurations.flatMap(({ cells }) => cells)) {
    const completions = given[cell.id];
    if (completions === undefined) continue;
    const answers = await CompletionWriter.begin(store, cell);
    for (const completion of completions) await answers.add(completion);
    await answers.finish();
  }
  const stored = new Map<string, ArtifactRef>();
  const further = Object.values(furtherRows).flatMap((byName) => Object.values(byName));
  for (const rows of new Set([...Object.values(trainingRows), ...Object.values(heldOutRows), ...further])) {
    stored.set(rows, await store.putBytes(rows, '.jsonl'));
  }
  const refOf = (rows: string | undefined): ArtifactRef | null =>
    rows === undefined ? null : (stored.get(rows) as ArtifactRef);
  const configurations: PlannedConfiguration[] = [];
  for (const configuration of plan.configurations) {
    const trainer = trainers[configuration.name];
    const adapter = adapters[configuration.name];
    const given = furtherRows[configuration.name];
    configurations.push({
      ...configuration,
      trainingRows: refOf(trainingRows[configuration.name]),
      heldOutRows: refOf(heldOutRows[configuration.name]),
      ...(given === undefined ? {} : { furtherRows: mapValues(given, (rows) => stored.get(rows) as ArtifactRef) }),
      ...(adapter === undefined || configuration.adapter?.kind !== 'folder'
        ? {}
        : { adapter: { ...configuration.adapter, files: await storedAdapter(store, adapter) } }),
      ...(trainer === undefined ? {} : { trainer: await withStoredFiles(store, trainer) }),
    });
  }
  const programs: [string, HandoffProgram][] = [];
  for (const [name, program] of Object.entries(handoffs)) programs.push([name, await withStoredFiles(store, program)]);
  return {
    ...plan,
    configurations,
    ...(programs.length === 0 ? {} : { handoffs: Object.fromEntries(programs) }),
    ...(plan.pairs === undefined || pairs === null
      ? {}
      : { pairs: { ...plan.pairs, rows: await store.putBytes(pairs, '.jsonl') } }),
  };
}

async function storedAdapter(
  store: Store,
  { weights, config }: AdapterFiles,
): Promise<{ weights: ArtifactRef; config: ArtifactRef }> {
  return { weights: await store.putBytes(weights, '.safetensors'), config: await store.putBytes(config, '.json') };
}
