/**
 * Hands a request to an experiment's workflow, which is started when it is not open. Whatever an operator did to the workflow
 * a moment ago (cancel, terminate, reset, delete), the request reaches the run that comes after it.
 */
import {
  ServiceError,
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
} from '@temporalio/client';
import { CancelledFailure, type Priority } from '@temporalio/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { experiment } from '../workflows/experiment';
import { FAILURES, isFailure } from '../workflows/failures';
import { apply, experimentProgress, experimentWorkflowId, ORCHESTRATION_QUEUE } from '../workflows/messages';
import type { Applied, ExperimentRequest } from '../workflows/messages';
import { EXPERIMENT } from '../workflows/search-attributes';
import pc from './paint';
import { InvalidUse } from './errors';
import { missingElsewhere } from './needed-workers';
import { say } from './output';
import { patiently } from './patience';
import { isOpen } from './snapshot';

/** What ran may have to save a large model's checkpoint before the experiment has closed. */
const CLOSING_MS = 5 * 60_000;
const LOOK_MS = 250;
/** A plan that is small and judges that answer take a few seconds. */
const QUIET_MS = 15_000;
const STILL_CHECKED =
  'What is there is being counted and the judges are being checked; one that can not be reached, or answers with something else, ' +
  'is asked again for up to 5 minutes.';
/** Bytes that Temporal takes; names of experiments are ASCII. */
const FAIRNESS_KEY = 64;
/** The server's word for an update that was accepted by a run which an operator then ended. */
const RUN_ENDED = 'AcceptedUpdateCompletedWorkflow';

export interface HandOver {
  /** False when nobody is left who could answer. */
  alive?: () => boolean;
  /** From 1, first, to 5, of all work of an experiment that is started by this; default 3. */
  priority?: number | undefined;
  taskQueue?: string;
  workflowId?: string;
}

/** Returns what the request changed. Throws `InvalidUse` when the workflow refuses it, or nobody answers in time. */
export async function handOver(
  client: Client,
  name: string,
  request: ExperimentRequest,
  {
    alive = () => true,
    priority,
    taskQueue = ORCHESTRATION_QUEUE,
    workflowId = experimentWorkflowId(name),
  }: HandOver = {},
): Promise<Applied> {
  const send = (updateId: string): Promise<Applied> =>
    client.workflow.executeUpdateWithStart(apply, {
      updateId,
      args: [request],
      startWorkflowOperation: new WithStartWorkflowOperation<typeof experiment>('experiment', {
        ...startOf(name, priority),
        workflowId,
        taskQueue,
        args: [],
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    });
  const until = Date.now() + CLOSING_MS;
  await untilNothingCloses(client, workflowId, until);
  const quiet = setTimeout(() => say(pc.yellow(STILL_CHECKED)), QUIET_MS);
  try {
    return await handed(send, { client, workflowId, alive, until });
  } finally {
    clearTimeout(quiet);
  }
}

interface Handing {
  client: Client;
  workflowId: string;
  alive: () => boolean;
  /** Until when a run that is being closed is waited for. */
  until: number;
}

async function handed(
  send: (updateId: string) => Promise<Applied>,
  { client, workflowId, alive, until }: Handing,
): Promise<Applied> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await patiently(send, { alive, missing: () => missingElsewhere(client) });
    } catch (error) {
      if (!metClosingRun(error) || Date.now() > until || !alive()) throw asRefusal(error);
      if (attempt === 1) say(pc.yellow('Its earlier run is being closed, which may take a minute; then it goes on.'));
      while ((await isOpen(client, workflowId)) && isClosing(error) && Date.now() < until) await sleep(LOOK_MS);
      await sleep(LOOK_MS);
    }
  }
}

/**
 * Starts the experiment's workflow with the request as its input, for when no worker is there: the server keeps an input,
 * and an update only once a worker has taken it. Returns false, and changes nothing, when the workflow is open already.
 */
export async function leave(
  client: Client,
  name: string,
  request: ExperimentRequest,
  priority: number | undefined,
): Promise<boolean> {
  try {
    await client.workflow.start<typeof experiment>('experiment', { ...startOf(name, priority), args: [request] });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw asRefusal(error);
  }
}

function startOf(name: string, priority: number | undefined) {
  return {
    workflowId: experimentWorkflowId(name),
    taskQueue: ORCHESTRATION_QUEUE,
    priority: priorityOf(name, priority),
    typedSearchAttributes: [{ key: EXPERIMENT, value: name }],
    staticSummary: `experiment ${name}`,
  };
}

/**
 * What configurations and activities of the experiment inherit, each value for itself: an activity with a priority of its own
 * keeps the experiment as its fairness key. On a server with `matching.enableFairness`, experiments of one priority take
 * turns in a queue; one without it takes no notice of the key.
 */
export function priorityOf(name: string, priority: number | undefined): Priority {
  return { fairnessKey: name.slice(0, FAIRNESS_KEY), ...(priority !== undefined && { priorityKey: priority }) };
}

/**
 * A configuration that an operator has cancelled or ended is open to the experiment until it has saved its work, and a request
 * would leave it alone as one that runs. Once the experiment knows, the request starts it again.
 */
async function untilNothingCloses(client: Client, workflowId: string, until: number): Promise<void> {
  for (let said = false; Date.now() < until; await sleep(LOOK_MS)) {
    const closing = await closingConfigurations(client, workflowId).catch(() => []); // no worker answers: then nobody knows
    if (closing.length === 0) return;
    if (!said) say(pc.yellow(`Waiting for what was cancelled to save its work: ${closing.join(', ')}`));
    said = true;
  }
}

async function closingConfigurations(client: Client, workflowId: string): Promise<string[]> {
  if (!(await isOpen(client, workflowId))) return [];
  const { configurations } = await client.workflow.getHandle(workflowId).query(experimentProgress);
  const running = configurations.filter(({ state }) => state === 'running');
  const closing = await Promise.all(running.map(({ workflowId: id }) => isBeingClosed(client, id)));
  return running.filter((_, index) => closing[index]).map(({ name }) => name);
}

async function isBeingClosed(client: Client, workflowId: string): Promise<boolean> {
  try {
    const { status, raw } = await client.workflow.getHandle(workflowId).describe();
    return status.name !== 'RUNNING' || raw.workflowExtendedInfo?.cancelRequested === true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false; // it is just being started
    throw error;
  }
}

/** Whether the run that got the update is going away, so that the next one will take it. */
function metClosingRun(error: unknown): boolean {
  if (error instanceof WorkflowNotFoundError) return true;
  return isClosing(error) || causes(error).some((each) => 'type' in each && each.type === RUN_ENDED);
}

/** Whether that run is still open, and takes no request any more. */
function isClosing(error: unknown): boolean {
  return causes(error).some((each) => isFailure(each, FAILURES.Closing) || each instanceof CancelledFailure);
}

function causes(error: unknown): Error[] {
  const found: Error[] = [];
  for (let each = error; each instanceof Error; each = each.cause) found.push(each);
  return found;
}

/** With the innermost message: what is around it ("Update-With-Start failed") says nothing. */
function asRefusal(error: unknown): unknown {
  if (error instanceof WorkflowUpdateFailedError) return new InvalidUse(causes(error).at(-1)?.message ?? error.message);
  if (!(error instanceof ServiceError)) return error;
  const { cause } = error as { cause?: { details?: string; message?: string } };
  return new Error(`the Temporal server refused the request: ${cause?.details || cause?.message || error.message}`, {
    cause: error,
  });
}
