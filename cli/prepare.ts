/**
 * What `run` and `plan` share: options, reading the file, importing its inputs, counting what is new.
 */
import { dirname, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { importExperiment } from '../inputs/import';
import type { MissingInput } from '../inputs/resolve';
import { visibleLine } from '../report/page/visible';
import { estimateCost, type CostEstimate, type JudgeCost } from '../judge/estimate';
import type { StoredPlan } from '../artifacts/plans';
import { countReuse, type Count, type Reuse } from '../artifacts/reuse';
import type { Store } from '../artifacts/store';
import { openStore } from '../workers/open-store';
import { cacheFolder } from '../workers/places';
import { pythonIfThere } from '../workers/toolchain';
import { formatProblems } from '../experiment/file/parse';
import { MAIN_JUDGE } from '../experiment/main-judge';
import { mapValues } from '../experiment/records';
import type { ArtifactRef, Plan } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import pc from './paint';
import { namedPath } from './named-path';
import { readExperimentFile } from './names';
import { scaleIssues } from './scale-warnings';

export interface FileOptions {
  source?: Record<string, string>;
  smoke?: boolean;
  judge?: 'claude' | 'local' | 'stand-in';
  output?: string;
}

export function fileOptions(command: Command): Command {
  return command
    .argument('<file>', 'experiment file')
    .option(
      '--source <name=path>',
      'use a local copy of a dataset or question file, checked by its pin (repeatable)',
      namedPath,
    )
    .option('--smoke', 'shrink everything to minutes, to see that it runs')
    .addOption(
      new Option('--judge <judge>', 'judge with this instead of the file’s').choices(['claude', 'local', 'stand-in']),
    )
    .option('--output <folder>', 'folder for the results (default: the file’s, results/NAME)');
}

/** The main judge has no name here: `null`. */
interface EstimateJson extends Omit<CostEstimate, 'judges'> {
  judges: (Omit<JudgeCost, 'judge'> & { judge: string | null })[];
}

/** What `flamingo plan --json` prints; a workflow started with it as input runs the experiment. */
export interface PlanJson {
  experiment: string;
  configurations: number;
  cells: number;
  fineTunes: Count;
  /** Those of the new fine-tunes that are done again for adapters of steps that were not kept; left out without any. */
  trainedAgain?: Reuse['trainedAgain'];
  completions: Count;
  judgements: Count;
  /** Log-probabilities, one for each model, prompt condition and outcome; absent where nothing is measured. */
  measurements?: Count;
  /** Models that are handed over, by the name of the handoff; absent where nothing is. */
  handoffs?: Record<string, Count>;
  /** Null while inputs are missing. */
  estimate: EstimateJson | null;
  missingInputs: MissingInput[];
  /** Null while inputs are missing; `flamingo run` fetches them. */
  plan: ArtifactRef | null;
  store: string;
  output: string;
}

export interface Prepared {
  store: Store;
  spec: Spec;
  missing: MissingInput[];
  /** Null while inputs are missing. */
  work: { plan: Plan; whole: StoredPlan; ref: ArtifactRef; reuse: Reuse } | null;
  /** Null while inputs are missing. */
  estimate: CostEstimate | null;
  json: PlanJson;
}

export interface PrepareOptions {
  offline: boolean;
  say: (line: string) => void;
  /** Counts what the store holds of the plan; default: `countReuse`. */
  count?: (store: Store, stored: { whole: StoredPlan; ref: ArtifactRef }) => Promise<Reuse>;
}

export async function prepare(
  file: string,
  { source: sources, smoke, judge, output }: FileOptions,
  { offline, say, count = (store, { whole }) => countReuse(store, whole.plan) }: PrepareOptions,
): Promise<Prepared> {
  const text = await readExperimentFile(file);
  const store = await openStore(undefined, { first: say });
  const { spec, warnings, counts, missing, stored } = await importExperiment(
    { text, name: file, folder: dirname(resolve(file)) },
    {
      ...{ smoke, judge, output, sources },
      store,
      cacheFolder: cacheFolder(),
      env: process.env,
      python: pythonIfThere(),
      offline,
      onProgress: downloads(say),
    },
  );
  if (warnings.length > 0) say(pc.yellow(formatProblems(warnings)));
  const doubts = stored === null ? [] : scaleIssues(Object.values(stored.plan.instruments));
  for (const { message } of doubts) say(pc.yellow(visibleLine(message)));
  const work = stored === null ? null : { ...stored, reuse: await count(store, stored) };
  const estimate = work === null ? null : estimateCost(spec, work.plan, work.reuse);
  const all = (total: number): Count => ({ new: total, reused: 0 });
  const reuse = work?.reuse;
  return {
    store,
    spec,
    missing,
    work,
    estimate,
    json: {
      experiment: spec.name,
      configurations: counts.configurations,
      cells: counts.cells,
      fineTunes: reuse?.fineTunes ?? all(counts.fineTunes),
      ...(reuse === undefined || reuse.trainedAgain.length === 0 ? {} : { trainedAgain: reuse.trainedAgain }),
      completions: reuse?.completions ?? all(counts.completions),
      judgements: reuse?.judgements ?? all(counts.judgements),
      ...(counts.measurements !== undefined && { measurements: reuse?.measurements ?? all(counts.measurements) }),
      ...(counts.handoffs !== undefined && { handoffs: reuse?.handoffs ?? mapValues(counts.handoffs, all) }),
      estimate: estimate === null ? null : estimateJson(estimate),
      missingInputs: missing,
      plan: work?.ref ?? null,
      store: store.id,
      output: resolve(spec.output),
    },
  };
}

function estimateJson({ judges, ...estimate }: CostEstimate): EstimateJson {
  return {
    ...estimate,
    judges: judges.map((cost) => ({ ...cost, judge: cost.judge === MAIN_JUDGE ? null : cost.judge })),
  };
}

/** One line an input when its download starts and ends. */
function downloads(say: (line: string) => void): (input: string, done: number, total: number | null) => void {
  const seen = new Set<string>();
  return (input, done, total) => {
    if (!seen.has(input)) say(`Fetching ${input}${total === null ? '' : ` (${(total / 1e6).toFixed(1)} MB)`} …`);
    seen.add(input);
    if (total !== null && done === total) say(`Fetched ${input}.`);
  };
}
