/**
 * `flamingo run FILE`: the one way in. Starts the experiment, attaches to it when it runs already, applies what changed.
 */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { writeResults, type GatheredResults } from '../report/write-report';
import { registerClaims } from '../artifacts/claims';
import { wasComplete } from '../artifacts/experiments';
import { countReuse, judgesWithWork, newHandoffs, newWork, type Reuse } from '../artifacts/reuse';
import { programVersion } from '../workers/version';
import { dataFolder } from '../workers/places';
import { judgeOf, judgeQueuesOf, loadPlan } from '../artifacts/plans';
import type { MissingInput } from '../inputs/resolve';
import type { Spec } from '../experiment/spec';
import { isRemote } from './connection';
import { EXIT, InvalidUse } from './errors';
import { portNumber } from './local/ports';
import { LocalFiles } from './local/state';
import { gatherHere, sayMemory } from './memory-note';
import { gpuQueuesOf } from './needed-workers';
import { say } from './output';
import { fileOptions, prepare, type FileOptions } from './prepare';
import { requireSetUp } from './require-set-up';
import { sayByStandIn } from './stand-in-note';
import {
  accountOfQueue,
  reportStored,
  requireCredentials,
  submitAndFollow,
  type Submission,
  type SubmitOptions,
} from './submit';

interface RunOptions extends FileOptions {
  detach?: boolean;
  json?: boolean;
  apply?: boolean;
  port?: string;
  priority?: number;
}

export function runCommand(): Command {
  return fileOptions(new Command('run'))
    .description('run an experiment; attaches when it runs already, resumes when it was stopped')
    .option('--detach', 'return at once and let it run; `flamingo stop` ends the services')
    .option('--apply', 'apply a changed file to an experiment that runs, even where that stops some of its work')
    .option('--port <port>', 'port of the embedded Temporal server (default: 7233, or any free one)')
    .option('--priority <1-5>', 'before (1) or after (5) other experiments on the same workers; default 3', priorityOf)
    .option('--json', 'print the outcome as one JSON line on stdout')
    .addHelpText(
      'after',
      `
Examples:
  flamingo run experiments/demo.yaml
  flamingo run experiments/demo.yaml --judge local
  flamingo run experiments/flamingo.yaml --judge claude --detach
  flamingo run experiments/flamingo-small.yaml --source bad_medical_advice=./bad_medical_advice.jsonl.gz
  TEMPORAL_ADDRESS=temporal.lab:7233 flamingo run experiments/flamingo.yaml

Exit codes: 0 done, 1 failed, 2 invalid input, 3 finished with missing items, or not one reply
of a metric could be read, 4 waiting for a person,
130 interrupted (the same command goes on where it was).`,
    )
    .action(async (file: string, options: RunOptions) => {
      const { code, spec } = await run(file, options);
      if (options.detach !== true && (code === EXIT.done || code === EXIT.incomplete)) sayByStandIn(spec);
      process.exitCode = code;
    });
}

async function run(file: string, options: RunOptions): Promise<{ code: number; spec: Spec }> {
  const port = portNumber(options.port);
  const kept: { gathered: GatheredResults | null } = { gathered: null };
  const {
    store,
    spec,
    missing,
    work,
    json: counted,
  } = await prepare(file, options, {
    offline: false,
    say,
    count: async (from, { whole, ref: stored }) => {
      // workers elsewhere write the report, and their work is followed for days
      if (isRemote() || !(await wasComplete(from, whole.plan, stored))) return countReuse(from, whole.plan);
      // most likely it still is: what is read to count it is kept for the report
      kept.gathered = await gatherHere(from, whole, resolve(whole.spec.output));
      return kept.gathered.reuse();
    },
  });
  if (work === null) throw new InvalidUse(inputsMissing(missing));
  const { plan, whole, ref, reuse } = work;
  const submission: Submission = { store, plan, ref, output: counted.output };
  const accounts = judgeQueuesOf(spec).map(accountOfQueue);
  const { detach = false, json = false, apply = false, priority } = options;
  const how: SubmitOptions = {
    accounts,
    gpuQueues: gpuQueuesOf(plan, spec, reuse),
    port,
    detach,
    json,
    apply,
    ...(priority !== undefined && { priority }),
  };
  if (isRemote()) {
    const code = await submitAndFollow(submission, how);
    if (!detach && (code === EXIT.done || code === EXIT.incomplete)) await bringHome(submission);
    return { code, spec };
  }
  if (newWork(reuse) === 0 && new LocalFiles(dataFolder()).lockHolder() === null) {
    // no workflow plans it, which otherwise registers them
    await registerClaims(store, plan.experiment, spec, reuse);
    const gathered = kept.gathered ?? (await gatherHere(store, whole, submission.output));
    return { code: await reportStored(submission, gathered, { json }), spec };
  }
  kept.gathered = null; // a large experiment runs for days
  requireLocal(spec, reuse);
  return { code: await submitAndFollow(submission, how), spec };
}

function priorityOf(text: string): number {
  if (!/^[1-5]$/.test(text)) throw new InvalidUse(`--priority needs a whole number from 1 to 5, not '${text}'`);
  return Number(text);
}

function inputsMissing(missing: MissingInput[]): string {
  const lines = missing.map(({ name, kind, reason, remedy }) => `  ${kind} ${name}: ${reason} (${remedy})`);
  return `inputs are missing, so nothing was started:\n${lines.join('\n')}`;
}

/** Everything that the embedded services will need is checked before anything is started. */
function requireLocal(spec: Spec, reuse: Reuse): void {
  if (judgesWithWork(reuse).length > 0) requireCredentials(spec);
  const judges = judgesWithWork(reuse).flatMap((name) => judgeOf(spec, name).local ?? []);
  const gpuWork =
    reuse.fineTunes.new + reuse.completions.new + reuse.measurements.new + newHandoffs(reuse) + judges.length > 0;
  requireSetUp(gpuWork ? [...spec.configurations, ...judges].map(({ model }) => model) : null);
}

/** Workers elsewhere write results on their own disks; the store is shared, so what people read is built here, too. */
async function bringHome({ store, ref, output }: Submission): Promise<void> {
  const plan = await loadPlan(store, ref);
  sayMemory(plan.plan);
  const { html } = await writeResults(store, plan, {
    plan: ref,
    output,
    version: programVersion,
  });
  say(`Here: ${html}`);
}
