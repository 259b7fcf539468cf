/**
 * Which of the workers that a request needs are missing at a server elsewhere, each with the command that starts it. The
 * server keeps what waits for them, so a missing worker is said and is no failure: it may be about to start.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { isLocal } from '../artifacts/plans';
import { judgesWithWork, type Reuse } from '../artifacts/reuse';
import type { Plan } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import { isOrchestrated, isServed } from '../workers/peers';
import { checkQueue, DEFAULT_GPU_QUEUE, judgeQueue } from '../workflows/messages';
import { isRemote } from './connection';

const LOOK_AGAIN_MS = 20_000;

export interface NeededWorkers {
  /** Judge accounts that have something to judge. */
  accounts: readonly string[];
  /** Task queues of GPU workers that have something to do. */
  gpuQueues: readonly string[];
}

/** The task queues of GPU workers on which something is to be done; a handoff may have its own. */
export function gpuQueuesOf({ handoffs: programs = {} }: Plan, spec: Spec, reuse: Reuse): string[] {
  const { gpuQueue } = spec.execution;
  const handoffs = Object.entries(reuse.handoffs ?? {}).filter(([, count]) => count.new > 0);
  const judges = judgesWithWork(reuse).filter((name) => isLocal(spec, name));
  // a fine-tune whose answers are all stored is not made again, but for a program that wants the model itself
  const generates = reuse.completions.new + reuse.measurements.new + judges.length > 0;
  const trains = handoffs.length > 0 && reuse.fineTunes.new > 0;
  const queues = handoffs.map(([name]) => programs[name]?.queue ?? gpuQueue);
  return [...new Set(generates || trains ? [gpuQueue, ...queues] : queues)];
}

/**
 * Looks at once, and again until what it returns is called; `say` is told of each missing worker once. Resolves after the
 * first look. A server that does not list pollers is asked again, and nothing is said.
 */
export async function watchWorkers(
  client: Client,
  { accounts, gpuQueues }: NeededWorkers,
  say: (line: string) => void,
): Promise<() => void> {
  const waiting = new Set([
    () => missingOrchestration(client),
    ...gpuQueues.map((queue) => () => missingGpu(client, queue)),
    ...accounts.map((account) => () => missingJudge(client, account)),
  ]);
  const lookAtAll = async (): Promise<void> => {
    const looks = [...waiting].map(async (look) => ({ look, line: await look().catch(() => null) }));
    for (const { look, line } of await Promise.all(looks)) if (line !== null && waiting.delete(look)) say(line);
  };
  await lookAtAll();
  const timer = setInterval(() => void lookAtAll(), LOOK_AGAIN_MS);
  return () => clearInterval(timer);
}

/** Null when an orchestration worker runs. */
export async function missingOrchestration({ workflowService, options }: Client): Promise<string | null> {
  return (await isOrchestrated(workflowService, options.namespace))
    ? null
    : 'No orchestration worker runs so far: flamingo worker orchestration';
}

/** The same for a command that may also talk to the embedded server, whose supervisor starts its workers. */
export async function missingElsewhere(client: Client): Promise<string | null> {
  return isRemote() ? missingOrchestration(client).catch(() => null) : null;
}

/** Null when a worker takes what is to be done on this task queue. */
export async function missingGpu({ workflowService, options }: Client, queue: string): Promise<string | null> {
  if (await isServed(workflowService, options.namespace, queue)) return null;
  const named = queue === DEFAULT_GPU_QUEUE ? '' : ` --queue ${queue}`;
  return `No GPU worker of the queue ${queue} runs so far: flamingo worker gpu${named}`;
}

/** Null when a worker of this account takes checks. */
export async function missingJudge({ workflowService, options }: Client, account: string): Promise<string | null> {
  const served = (queue: string): Promise<boolean> => isServed(workflowService, options.namespace, queue);
  const queue = judgeQueue(account);
  if (await served(checkQueue(queue))) return null;
  const url = account === 'stand-in' ? 'FLAMINGO_STAND_IN_URL=http://HOST:PORT ' : '';
  const start = `${url}flamingo worker judge --account ${account}`;
  return (await served(queue))
    ? `The judge worker of ${account} is of version 0.1.0, which can not check the judge before work begins: update it (${start})`
    : `No judge worker of ${account} runs so far: ${start}`;
}

/**
 * Waits up to `waitMs` for an orchestration worker, and returns whether there is one. A server that does not list pollers
 * counts as one that has a worker: what is asked of it then says more.
 */
export async function orchestrationComes(client: Client, waitMs: number, pauseMs = 1_000): Promise<boolean> {
  const until = Date.now() + waitMs;
  for (;;) {
    if ((await missingOrchestration(client).catch(() => null)) === null) return true;
    if (Date.now() >= until) return false;
    await sleep(pauseMs);
  }
}
