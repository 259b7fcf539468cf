/**
 * `flamingo run FILE`: the one way in. Starts the experiment, attaches to it when it runs already, applies what changed.
 */
import { WithStartWorkflowOperation, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import { Command } from 'commander';
import pc from 'picocolors';
import { writeResults } from '../activities/experiment-report';
import { newWork } from '../activities/reuse';
import { judgeCredentials } from '../activities/judge/client';
import { recordExperiment } from '../artifacts/experiments';
import { openStore } from '../artifacts/open-store';
import { dataFolder } from '../artifacts/places';
import { loadPlan, queuesOf } from '../artifacts/plans';
import { bundledModelPath, pythonPath, temporalPath } from '../artifacts/toolchain';
import { apply, experimentProgress, experimentWorkflowId, ORCHESTRATION_QUEUE } from '../workflows/messages';
import type { Applied, ExperimentRequest } from '../workflows/messages';
import type { ArtifactRef } from '../experiment/plan';
import type { experiment } from '../workflows/experiment';
import { EXPERIMENT } from '../workflows/search-attributes';
import { connect, isRemote } from './connection';
import { EXIT, InvalidUse } from './errors';
import { conclude, follow } from './follow';
import { letGo, stopServices, useServices } from './local/embedded';
import { portNumber } from './local/ports';
import { requireSpace, TO_GO_ON_BYTES } from './local/space';
import { LocalFiles } from './local/state';
import { say } from './output';
import { fileOptions, prepare, requirePlan, type FileOptions, type Prepared } from './prepare';
import { isOpen } from './snapshot';

/** A service that ended so often without a rest is broken, not unlucky. */
const RESTARTS_WORTH_A_WORD = 4;

interface RunOptions extends FileOptions {
  detach?: boolean;
  json?: boolean;
  port?: string;
}

export function runCommand(): Command {
  return fileOptions(new Command('run'))
    .description('run an experiment; attaches when it runs already, resumes when it was stopped')
    .option('--detach', 'return at once and let it run; `flamingo stop` ends the services')
    .option('--port <port>', 'port of the embedded Temporal server (default: 7233, or any free one)')
    .option('--json', 'print the outcome as one JSON line on stdout')
    .addHelpText(
      'after',
      `
Examples:
  flamingo run experiments/demo.yaml
  flamingo run experiments/flamingo.yaml --judge claude --detach
  flamingo run experiments/flamingo-small.yaml --source bad_medical_advice=./bad_medical_advice.jsonl.gz
  TEMPORAL_ADDRESS=temporal.lab:7233 flamingo run experiments/flamingo.yaml

Exit codes: 0 done, 1 failed, 2 invalid input, 3 finished with missing items, 4 waiting for approval,
130 interrupted (the same command goes on where it was).`,
    )
    .action(async (file: string, options: RunOptions) => {
      process.exitCode = await run(file, options);
    });
}

async function run(file: string, options: RunOptions): Promise<number> {
  const port = portNumber(options.port);
  const prepared = await prepare(file, options, { offline: false, say });
  requirePlan(prepared);
  if (isRemote()) return submitAndFollow(await connect(), prepared, options, null);
  const files = new LocalFiles(dataFolder());
  const stored = prepared.reuse !== null && newWork(prepared.reuse) === 0;
  if (stored && files.lockHolder() === null) return reportStored(prepared, options);
  const account = accountOf(prepared);
  requireLocal(prepared, account);
  const watch = watchServices(files);
  try {
    const state = await useServices(files, { accounts: [account], port }, say);
    return await submitAndFollow(await connect(state.address), prepared, options, { files, ui: state.ui });
  } finally {
    clearInterval(watch);
    letGo(files);
    if (!files.detached && files.clients().length === 0) await stopServices(files);
  }
}

/** All that the file asks for is in the store: the report is built from there, and no service is started for it. */
async function reportStored(prepared: Prepared, options: RunOptions): Promise<number> {
  const started = Date.now();
  say('Everything is in the store already.');
  const ref = requirePlan(prepared);
  const { experiment: name, output } = prepared.json;
  const store = await openStore();
  const stored = await loadPlan(store, ref);
  await recordExperiment(store, name, { plan: ref, output });
  const names = stored.plan.configurations.map((configuration) => ({ name: configuration.name }));
  const report = await writeResults(store, stored, { output, results: names });
  const configurations = names.map((each) => ({ ...each, state: 'done' as const, missing: 0 }));
  const outcome = { experiment: name, status: 'complete' as const, configurations, usd: 0, requests: 0, report };
  return conclude(outcome, { json: options.json ?? false }, started);
}

/** The embedded judge worker serves the queue of one account; its name is the queue's last part. */
function accountOf({ spec }: Prepared): string {
  return queuesOf(spec).judgeQueue.replace(/^flamingo-judge-/, '');
}

/** Everything that the embedded services will need is checked before anything is started. */
function requireLocal({ spec, json, reuse }: Prepared, account: string): void {
  const credentials = judgeCredentials(account === 'stand-in' ? 'stand-in' : 'claude', process.env);
  if (json.judgements.new > 0 && !credentials.present)
    throw new InvalidUse(`${credentials.message}\nNothing was started.`);
  try {
    temporalPath();
    const gpuWork = reuse === null || reuse.fineTunes.new + reuse.completions.new > 0;
    if (!gpuWork) return;
    pythonPath();
    for (const { model } of spec.configurations) if (model.kind === 'bundled') bundledModelPath(model.name);
  } catch (error) {
    throw new InvalidUse((error as Error).message);
  }
}

async function submitAndFollow(
  client: Client,
  prepared: Prepared,
  options: RunOptions,
  local: { files: LocalFiles; ui: string } | null,
): Promise<number> {
  const name = prepared.spec.name;
  const { plan, store, output } = prepared.json;
  const request: ExperimentRequest = { plan, store, output };
  const workflowId = experimentWorkflowId(name);
  await showDifference(client, workflowId, prepared);
  let applied: Applied;
  try {
    applied = await submit(client, workflowId, name, request);
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) throw new InvalidUse(rootMessage(error));
    throw error;
  }
  say(describe(applied));
  const ui = local === null ? '' : `${local.ui}/namespaces/default/workflows/${encodeURIComponent(workflowId)}`;
  if (ui) say(`Temporal UI: ${ui}`);
  if (options.detach) {
    if (local !== null) local.files.detached = true;
    say(`It runs on without this terminal. flamingo status ${name} · flamingo stop`);
    if (options.json) process.stdout.write(JSON.stringify({ experiment: name, workflowId, detached: true }) + '\n');
    return EXIT.done;
  }
  const code = await follow(client, workflowId, {
    json: options.json ?? false,
    alive: () => {
      if (local !== null) requireSpace(local.files.data, TO_GO_ON_BYTES);
      return local === null || local.files.lockHolder() !== null;
    },
  });
  if (code === EXIT.waitingForApproval && local !== null) {
    // an approval is an update on the workflow: there has to be a server to take it
    local.files.detached = true;
    say('The services keep running until then; `flamingo stop` ends them.');
  }
  if (local === null && plan !== null && (code === EXIT.done || code === EXIT.incomplete))
    await bringHome(plan, output);
  return code;
}

/** Workers elsewhere write results on their own disks; the store is shared, so what people read is built here, too. */
async function bringHome(plan: ArtifactRef, output: string): Promise<void> {
  const store = await openStore();
  const stored = await loadPlan(store, plan);
  const { html } = await writeResults(store, stored, { output });
  say(`Here: ${html}`);
}

/** Says once which services keep ending: without them a request would wait in silence. */
function watchServices(files: LocalFiles): NodeJS.Timeout {
  const said = new Set<string>();
  return setInterval(() => {
    for (const { name, restarts, lastEnd, log } of files.liveState()?.services ?? []) {
      if (restarts < RESTARTS_WORTH_A_WORD || said.has(name)) continue;
      said.add(name);
      say(pc.yellow(`${name} keeps ending (it ${lastEnd ?? 'ended'}, ${restarts} times so far); its log: ${log}`));
    }
  }, 2_000);
}

async function submit(client: Client, workflowId: string, name: string, request: ExperimentRequest): Promise<Applied> {
  return client.workflow.executeUpdateWithStart(apply, {
    args: [request],
    startWorkflowOperation: new WithStartWorkflowOperation<typeof experiment>('experiment', {
      workflowId,
      taskQueue: ORCHESTRATION_QUEUE,
      args: [],
      workflowIdConflictPolicy: 'USE_EXISTING',
      typedSearchAttributes: [{ key: EXPERIMENT, value: name }],
      staticSummary: `experiment ${name}`,
    }),
  });
}

/** Before a running experiment is changed, says what will change. */
async function showDifference(client: Client, workflowId: string, prepared: Prepared): Promise<void> {
  try {
    if (!(await isOpen(client, workflowId))) return;
    const progress = await client.workflow.getHandle(workflowId).query(experimentProgress);
    if (progress.planKey === null || progress.planKey === prepared.imported.plan?.key) return;
    const here = new Set(prepared.imported.plan?.configurations.map(({ name }) => name));
    const there = new Set(progress.configurations.map(({ name }) => name));
    say(pc.yellow(`${progress.experiment} is running with another plan; the difference is applied:`));
    for (const name of here) say(there.has(name) ? `  = or changed: ${name}` : `  + ${name}`);
    for (const name of there) if (!here.has(name)) say(`  - ${name} (cancelled; what it made is kept)`);
  } catch {
    // no worker answers yet: nothing to compare with
  }
}

function describe({ unchanged, added, changed, removed }: Applied): string {
  if (unchanged.length > 0 && added.length + changed.length + removed.length === 0) {
    return 'It is running already: attached.';
  }
  const parts = [
    added.length > 0 ? `${added.length} configuration${added.length === 1 ? '' : 's'} added` : '',
    changed.length > 0 ? `${changed.length} changed (${changed.join(', ')})` : '',
    removed.length > 0 ? `${removed.length} removed (${removed.join(', ')})` : '',
    unchanged.length > 0 ? `${unchanged.length} unchanged` : '',
  ];
  return `Applied: ${parts.filter((part) => part !== '').join(', ')}.`;
}

function rootMessage(error: Error): string {
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message;
}
