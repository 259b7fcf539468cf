/**
 * Hands a plan to the experiment's workflow and follows it: on the server that the environment names, else on the
 * embedded services, which are started when they are not there. What `run`, `judge` and `rejudge` share.
 */
import type { Client } from '@temporalio/client';
import type { GatheredResults } from '../report/write-report';
import { credentialsOf } from '../judge/clients';
import { judgeOf } from '../artifacts/plans';
import { moveResults, recordExperiment } from '../artifacts/experiments';
import { permitRun } from '../workers/secret';
import { programVersion } from '../workers/version';
import { dataFolder } from '../workers/places';
import type { Store } from '../artifacts/store';
import { namedJudges } from '../experiment/main-judge';
import type { ArtifactRef, Plan } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import { experimentProgress, experimentWorkflowId } from '../workflows/messages';
import type { Applied, ExperimentOutcome, ExperimentProgress } from '../workflows/messages';
import pc from './paint';
import { prepareOn } from './cluster';
import { connect, isRemote } from './connection';
import { differenceLines, differenceOf } from './difference';
import { EXIT, InvalidUse } from './errors';
import { conclude, follow } from './follow';
import { handOver, leave } from './hand-over';
import { orchestrationComes, watchWorkers } from './needed-workers';
import { letGoAndWait, useServices } from './local/embedded';
import { requireSpace, TO_GO_ON_BYTES } from './local/space';
import { LocalFiles, type LocalState } from './local/state';
import { uiLine, workflowPage } from './local/ui-gate';
import { printJsonLine, say } from './output';
import { isOpen } from './snapshot';

/** What `--detach` waits for an orchestration worker: workers and command may be started together. */
const ORCHESTRATION_MS = 15_000;

/** A service that ended so often without a rest is broken, not unlucky. */
const RESTARTS_WORTH_A_WORD = 4;

export interface Submission {
  /** Holds the plan, and gets all that it makes. */
  store: Store;
  plan: Plan;
  ref: ArtifactRef;
  output: string;
}

export interface SubmitOptions {
  /** Judge accounts that embedded services must serve. */
  accounts: string[];
  /** Task queues on which GPU workers elsewhere will be needed; default: none. */
  gpuQueues?: string[];
  /** Port of the embedded server; 0 = any. */
  port: number;
  /** Return when the plan is applied. */
  detach: boolean;
  /** Print the outcome as JSON on stdout. */
  json: boolean;
  /** Whether a changed plan may stop what runs; default: yes, where the command itself asks for the change. */
  apply?: boolean;
  /** From 1, first, to 5, of all work of a newly started experiment; default 3. */
  priority?: number;
  /** Told the outcome, when there is one. */
  ended?: (outcome: ExperimentOutcome) => void;
}

/** Returns the exit code. */
export async function submitAndFollow(submission: Submission, options: SubmitOptions): Promise<number> {
  await permitRun(submission.store, submission);
  if (isRemote()) {
    const client = await connect();
    await prepareOn(client);
    return applyAndFollow(client, submission, options, null);
  }
  const files = new LocalFiles(dataFolder());
  const watch = watchServices(files);
  try {
    // before a worker goes on with what an earlier command began: the folder of that time may have been renamed
    await moveResults(submission.store, submission.plan.experiment, submission.output);
    const state = await useServices(
      files,
      { accounts: options.accounts, port: options.port, variables: variablesOf(submission.plan) },
      say,
    );
    return await applyAndFollow(await connect(state.address), submission, options, { files, state });
  } finally {
    clearInterval(watch);
    await letGoAndWait(files);
  }
}

/** The environment variables that the experiment's own programs are to be given. */
function variablesOf({ configurations }: Plan): string[] {
  return configurations.flatMap(({ recipe, handoffs = [] }) => [
    ...(typeof recipe?.backend === 'object' ? recipe.backend.environment : []),
    ...handoffs.flatMap(({ context }) => context.program.environment),
  ]);
}

/** All that a plan asks for is in the store, as `gathered`: the report is built from it, and no service is started for it. */
export async function reportStored(
  { store, plan, ref, output }: Submission,
  gathered: GatheredResults,
  { json, ended }: Pick<SubmitOptions, 'json' | 'ended'>,
): Promise<number> {
  const started = Date.now();
  say('Everything is in the store already.');
  await recordExperiment(store, plan.experiment, { plan: ref, output });
  const names = plan.configurations.map(({ name }) => ({ name }));
  const report = await gathered.write({ plan: ref, version: programVersion, results: names });
  const configurations = names.map((each) => ({ ...each, state: 'done' as const, missing: 0 }));
  const done = {
    experiment: plan.experiment,
    status: 'complete' as const,
    configurations,
    usd: 0,
    requests: 0,
    report,
  };
  ended?.(done);
  return conclude(done, { json }, started);
}

/** For what is to be judged by embedded services: fails when the key of a judge (default: of any) is not in the environment. */
export function requireCredentials(spec: Spec, names = Object.keys(namedJudges(spec))): void {
  for (const judge of names.map((name) => judgeOf(spec, name))) {
    if (judge.kind === 'local') continue;
    const credentials = credentialsOf(judge, process.env);
    if (!credentials.present) throw new InvalidUse(`${credentials.message}\nNothing was started.`);
  }
}

/** The embedded judge worker serves the queue of one account; its name is the queue's last part. */
export function accountOfQueue(queue: string): string {
  return queue.replace(/^flamingo-judge-/, '');
}

async function applyAndFollow(
  client: Client,
  { store, plan, ref, output }: Submission,
  { accounts, gpuQueues = [], detach, json, ended, apply = true, priority }: SubmitOptions,
  local: { files: LocalFiles; state: LocalState } | null,
): Promise<number> {
  const name = plan.experiment;
  const workflowId = experimentWorkflowId(name);
  const request = { plan: ref, store: store.id, output };
  // embedded workers are watched by their supervisor
  const stopWatching =
    local === null
      ? await watchWorkers(client, { accounts, gpuQueues }, (line) => say(pc.yellow(line)))
      : () => undefined;
  try {
    if (detach && local === null && !(await orchestrationComes(client, ORCHESTRATION_MS))) {
      await leaveWaiting(() => leave(client, name, request, priority), name);
      if (json) printJsonLine({ experiment: name, workflowId, detached: true });
      return EXIT.done;
    }
    await showDifference(client, workflowId, plan, apply);
    const applied = await handOver(client, name, request, {
      priority,
      alive: () => local === null || local.files.lockHolder() !== null,
    });
    say(describe(applied));
  } finally {
    stopWatching();
  }
  if (local !== null) {
    say(uiLine(local.state, workflowPage(workflowId)));
  }
  if (detach) {
    if (local !== null) local.files.detached = true;
    say(`It runs on without this terminal. flamingo status ${name} · flamingo stop`);
    if (json) printJsonLine({ experiment: name, workflowId, detached: true });
    return EXIT.done;
  }
  const code = await follow(client, workflowId, {
    json,
    remote: local === null,
    ...(ended === undefined ? {} : { ended }),
    alive: () => {
      if (local !== null) requireSpace(local.files.data, TO_GO_ON_BYTES);
      return local === null || local.files.lockHolder() !== null;
    },
  });
  if (code === EXIT.waitingForPerson && local !== null) {
    // an approval or a resume is an update on a workflow: there has to be a server to take it
    local.files.detached = true;
    say('The services keep running until then; `flamingo stop` ends them.');
  }
  return code;
}

/** `started`: false when the workflow was open before. Throws `InvalidUse` then: without a worker nothing reaches it. */
export async function leaveWaiting(start: () => Promise<boolean>, name: string): Promise<void> {
  if (!(await start()))
    throw new InvalidUse(
      `${name} is submitted already and waits for an orchestration worker, so this request can not be handed over: ` +
        'start one (flamingo worker orchestration) and give the command again where the file has changed since.',
    );
  say(
    `Submitted. ${name} waits for an orchestration worker (flamingo worker orchestration) and begins when one runs. ` +
      `flamingo status ${name}`,
  );
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

/** Before a running experiment is changed, says what will change. Throws when that would stop work and nobody asked for it. */
async function showDifference(client: Client, workflowId: string, plan: Plan, mayStop: boolean): Promise<void> {
  const progress = await runningProgress(client, workflowId);
  if (progress === null || progress.planKey === null || progress.planKey === plan.key) return;
  const difference = differenceOf(progress, plan);
  const lines = differenceLines(difference);
  if (lines.length === 0) return;
  const { experiment } = progress;
  if (difference.stopped.length > 0 && !mayStop)
    throw new InvalidUse(
      `${experiment} is running with another plan, and this one would stop ${difference.stopped.join(', ')}:\n` +
        `${lines.join('\n')}\nNothing was changed. \`flamingo run --apply\` applies it; another \`name\` in the file runs beside it.`,
    );
  say(pc.yellow(`${experiment} is running with another plan; the difference is applied:\n${lines.join('\n')}`));
}

/** Null when it does not run, or no worker answers yet: then there is nothing to compare with. */
async function runningProgress(client: Client, workflowId: string): Promise<ExperimentProgress | null> {
  try {
    if (!(await isOpen(client, workflowId))) return null;
    return await client.workflow.getHandle(workflowId).query(experimentProgress);
  } catch {
    return null;
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
