/**
 * What `run` and `plan` share: options, reading the file, importing its inputs, counting what is new.
 */
import { dirname, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import pc from 'picocolors';
import { importExperiment, type ImportedExperiment, type Overrides } from '../inputs/import';
import { estimateCost, type CostEstimate } from '../judge/estimate';
import { countReuse, type Count, type Reuse } from '../artifacts/reuse';
import { openStore } from '../workers/open-store';
import { formatProblems } from '../experiment/file/parse';
import type { ArtifactRef } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import { InvalidUse } from './errors';
import { readExperimentFile } from './names';

export interface FileOptions {
  source?: Record<string, string>;
  smoke?: boolean;
  judge?: 'claude' | 'stand-in';
  output?: string;
}

export function fileOptions(command: Command): Command {
  return command
    .argument('<file>', 'experiment file')
    .option(
      '--source <name=path>',
      'use a local copy of a dataset or question file, checked by its pin (repeatable)',
      source,
    )
    .option('--smoke', 'shrink everything to minutes, to see that it runs')
    .addOption(new Option('--judge <judge>', 'judge with this instead of the file’s').choices(['claude', 'stand-in']))
    .option('--output <folder>', 'folder for the results (default: the file’s, results/NAME)');
}

function source(value: string, before: Record<string, string> = {}): Record<string, string> {
  const at = value.indexOf('=');
  if (at < 1 || at === value.length - 1) throw new InvalidUse(`--source ${value}: expected NAME=PATH`);
  return { ...before, [value.slice(0, at)]: value.slice(at + 1) };
}

/** What `flamingo plan --json` prints; a workflow started with it as input runs the experiment. */
export interface PlanJson {
  experiment: string;
  configurations: number;
  cells: number;
  fineTunes: Count;
  /** How many new fine-tunes are done again for adapters of steps that were not kept; left out when there are none. */
  trainedAgain?: Reuse['trainedAgain'];
  completions: Count;
  judgements: Count;
  /** Measurements of log-probabilities, one for each model and prompt condition; absent where nothing is measured. */
  measurements?: Count;
  /** Null while inputs are missing. */
  estimate: CostEstimate | null;
  missingInputs: ImportedExperiment['missing'];
  /** Null while inputs are missing; `flamingo run` fetches them. */
  plan: ArtifactRef | null;
  store: string;
  output: string;
}

export interface Prepared {
  spec: Spec;
  imported: ImportedExperiment;
  reuse: Reuse | null;
  json: PlanJson;
}

export async function prepare(
  file: string,
  options: FileOptions,
  { offline, say }: { offline: boolean; say: (line: string) => void },
): Promise<Prepared> {
  const text = await readExperimentFile(file);
  const store = await openStore();
  const overrides: Overrides = {
    ...(options.smoke === undefined ? {} : { smoke: options.smoke }),
    ...(options.judge === undefined ? {} : { judge: options.judge }),
    ...(options.output === undefined ? {} : { output: options.output }),
    ...(options.source === undefined ? {} : { sources: options.source }),
  };
  const imported = await importExperiment(
    { text, name: file, folder: dirname(resolve(file)) },
    { ...overrides, store, offline, onProgress: downloads(say) },
  );
  const { spec, warnings, plan, counts, missing, ref } = imported;
  if (warnings.length > 0) say(pc.yellow(formatProblems(warnings)));
  const reuse = plan === null ? null : await countReuse(store, plan);
  const all = (total: number): Count => ({ new: total, reused: 0 });
  return {
    spec,
    imported,
    reuse,
    json: {
      experiment: spec.name,
      configurations: counts.configurations,
      cells: counts.cells,
      fineTunes: reuse?.fineTunes ?? all(counts.fineTunes),
      ...(reuse === null || reuse.trainedAgain.length === 0 ? {} : { trainedAgain: reuse.trainedAgain }),
      completions: reuse?.completions ?? all(counts.completions),
      judgements: reuse?.judgements ?? all(counts.judgements),
      ...(counts.measurements !== undefined && { measurements: reuse?.measurements ?? all(counts.measurements) }),
      estimate: plan === null || reuse === null ? null : estimateCost(spec, plan, reuse),
      missingInputs: missing,
      plan: ref,
      store: store.id,
      output: resolve(spec.output),
    },
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

/** For `run`: the stored plan, or what is missing and how to give it. */
export function requirePlan({ imported }: Prepared): ArtifactRef {
  if (imported.ref !== null) return imported.ref;
  const lines = imported.missing.map(({ name, kind, reason, remedy }) => `  ${kind} ${name}: ${reason} (${remedy})`);
  throw new InvalidUse(`inputs are missing, so nothing was started:\n${lines.join('\n')}`);
}
