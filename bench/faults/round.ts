/**
 * One round: the experiment in a fresh deployment, faults at their moments, everything undone, `flamingo run` until it is
 * complete, and what is found then. Without faults it is the undisturbed reference.
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { signal } from '../../cli/local/processes';
import { RunCommand } from './command';
import { differences, doubled, judged, stepsRedone, type Paid } from './checks';
import { Deployment } from './deployment';
import { filesWithSecrets, ledgerIn, orphansOf, replayAll, resultsIn, rowIdsIn } from './evidence';
import { CHECKPOINT_EVERY, IN_FLIGHT, NAME, writeExperiment } from './experiment';
import type { Ground } from './ground';
import { CLOCK_JUMP } from './kinds/clocks';
import type { FaultKind } from './kinds/kind';
import type { Network } from './network';
import { descendantsOf } from './processes';
import { sabotage, type Done } from './sabotage';
import type { PlannedFault } from './schedule';
import { TrainingWatch } from './training-watch';

/** For the experiment to be complete once everything is undone. */
const COMPLETE_MS = 480_000;
/** Commands after everything is undone: the one that hears of its experiment's end, one that goes on, and one to spare. */
const COMMANDS = 3;
/** For a trainer whose worker was killed to notice. */
const ORPHAN_SECONDS = 15;

/** What the undisturbed run left. */
export interface Reference {
  results: Record<string, string>;
  paid: Paid[];
}

export interface RoundOptions {
  name: string;
  folder: string;
  model: string;
  network: Network | null;
  ground: Ground;
  kinds: readonly FaultKind[];
  faults: readonly PlannedFault[];
  reference: Reference | null;
  say: (line: string) => void;
}

export interface RoundResult {
  name: string;
  ground: Ground;
  seconds: number;
  faults: Done[];
  /** Exit codes of the commands, in order; null: killed. */
  commands: (number | null)[];
  differences: string[];
  lost: number;
  doubled: string[];
  paidTwice: number;
  /** How many requests may have been in flight when something broke. */
  inFlight: number;
  /** By each attempt at the fine-tune by the experiment's own trainer. */
  stepsRedone: number[];
  /** Whether they had a bound. */
  stepsBounded: boolean;
  orphans: string[];
  replayed: number;
  /** Why the round failed; empty: it did not. */
  failures: string[];
  left: Reference;
}

/** Ends with everything that it started ended, and its folder gone unless it failed. */
export async function playRound(options: RoundOptions): Promise<RoundResult> {
  const { folder, faults, say } = options;
  const started = Date.now();
  mkdirSync(folder, { recursive: true });
  const file = writeExperiment(folder, options.model);
  const clocks = faults.some(({ kind }) => kind === CLOCK_JUMP);
  const deployment = new Deployment(folder, options.network, options.ground, clocks);
  RUNNING.add(deployment);
  let command: RunCommand | null = null;
  const watch = new TrainingWatch(folder);
  const failures: string[] = [];
  try {
    await deployment.start();
    command = new RunCommand(file, folder, deployment.clientEnvironment);
    const going = command.untilDone(Infinity);
    let over = false;
    void going.then(() => (over = true));
    const { done, allowedTwice } = await sabotage({ deployment, command }, options.kinds, faults, () => over, say);
    const before = command.ended.length;
    if (!(await within(going, COMPLETE_MS))) failures.push(`not complete ${COMPLETE_MS / 1000} s after all was undone`);
    command.stop();
    const after = command.ended.length - before;
    if (after > COMMANDS) failures.push(`complete only after ${after} commands`);
    // what was complete before the last fault goes on being so, and what that fault damaged is made anew
    const again = new RunCommand(file, folder, deployment.clientEnvironment);
    if (failures.length === 0 && !(await within(again.untilDone(COMMANDS), COMPLETE_MS)))
      failures.push(`a further command does not find it complete: ${again.ended.at(-1)?.words ?? 'no answer'}`);
    again.stop();
    const allowed = {
      paidTwice: allowedTwice + inFlightOf(options, done),
      stepsRedone: mostStepsRedone(options, done),
    };
    const found = await examine(options, deployment, watch, allowed);
    const commands = [...command.ended, ...again.ended].map(({ code }) => code);
    const result = {
      name: options.name,
      ground: options.ground,
      seconds: (Date.now() - started) / 1000,
      faults: done,
      commands,
      stepsBounded: Number.isFinite(allowed.stepsRedone),
      ...found,
    };
    result.failures.unshift(...failures);
    if (result.failures.length > 0) keep(deployment);
    return result;
  } catch (error) {
    keep(deployment);
    const why = `the round came to no end: ${(error as Error).stack ?? String(error)}`;
    return { ...NOTHING_FOUND, name: options.name, ground: options.ground, failures: [...failures, why] };
  } finally {
    watch.end();
    command?.stop();
    await endRound(deployment);
  }
}

const NOTHING_FOUND: Omit<RoundResult, 'name' | 'ground' | 'failures'> = {
  seconds: 0,
  faults: [],
  commands: [],
  differences: [],
  lost: 0,
  doubled: [],
  paidTwice: 0,
  inFlight: 0,
  stepsRedone: [],
  stepsBounded: false,
  orphans: [],
  replayed: 0,
  left: { results: {}, paid: [] },
};

/** Deployments that run now, for whoever has to end in a hurry. */
export const RUNNING = new Set<Deployment>();

async function endRound(deployment: Deployment): Promise<void> {
  await deployment.stop();
  deployment.disk.remove();
  RUNNING.delete(deployment);
}

/** The store lies in memory: it is copied to where it stays. */
function keep(deployment: Deployment): void {
  if (deployment.disk.mounted) cpSync(deployment.disk.path, join(deployment.folder, 'store-kept'), { recursive: true });
}

/** Each fault that can lose requests may lose as many as can be in flight. */
function inFlightOf({ kinds }: RoundOptions, done: readonly Done[]): number {
  const loses = new Set(kinds.filter(({ losesRequests }) => losesRequests).map(({ name }) => name));
  return done.filter(({ kind, took }) => took && loses.has(kind)).length * IN_FLIGHT;
}

/**
 * By one attempt: an interval between checkpoints. In object storage it is the interval whose checkpoint was being uploaded, too: the
 * tiny model takes a step in milliseconds. In a round in which a GPU host could not reach the store, or this took nothing, there is no bound.
 */
function mostStepsRedone({ ground, kinds }: RoundOptions, done: readonly Done[]): number {
  const holds = new Set(kinds.filter(({ holdsCheckpoints }) => holdsCheckpoints).map(({ name }) => name));
  const isHeld = done.some(
    ({ kind, target, took }) => took && holds.has(kind) && !/^(judge|orchestration)-/.test(target),
  );
  if (isHeld) return Infinity;
  return ground.store === 'folder' ? CHECKPOINT_EVERY : 2 * CHECKPOINT_EVERY;
}

interface Allowed {
  /** Requests. */
  paidTwice: number;
  /** By one attempt. */
  stepsRedone: number;
}

async function examine(
  { folder, reference }: RoundOptions,
  deployment: Deployment,
  watch: TrainingWatch,
  allowed: Allowed,
) {
  const inFlight = allowed.paidTwice;
  const failures: string[] = [];
  const known = (): number[] => deployment.pids().flatMap((pid) => [pid, ...descendantsOf(pid)]);
  const strays = await orphansOf(folder, known, ORPHAN_SECONDS);
  const replayed = await deployment.withClient(replayAll);
  await deployment.stop();
  strays.push(...(await orphansOf(folder, () => [], ORPHAN_SECONDS)));
  for (const [pid] of strays) signal(pid, 'SIGKILL');

  const results = join(folder, 'results', NAME);
  const left: Reference = { results: resultsIn(results), paid: ledgerIn(deployment.ledger) };
  const { lost, strange, paidTwice } = judged(reference?.paid ?? left.paid, left.paid);
  const found = {
    differences: differences(reference?.results ?? left.results, left.results),
    lost,
    doubled: doubled(rowIdsIn(results)),
    paidTwice,
    inFlight,
    stepsRedone: stepsRedone(watch.end()),
    orphans: strays.map(([, command]) => command),
    replayed: replayed.histories,
  };
  if (Object.keys(left.results).length === 0) failures.push('there are no results');
  failures.push(...found.differences.map((each) => `differs: ${each}`));
  if (lost > 0) failures.push(`${lost} judgements were never asked for`);
  if (strange > 0) failures.push(`${strange} judgements were asked for that the undisturbed run knows nothing of`);
  failures.push(...found.doubled.map((id) => `a row is there twice: ${id}`));
  if (paidTwice > inFlight)
    failures.push(`${paidTwice} requests were paid again, and at most ${inFlight} were in flight`);
  for (const steps of found.stepsRedone)
    if (steps > allowed.stepsRedone)
      failures.push(`${steps} training steps were done again: more than ${allowed.stepsRedone}`);
  failures.push(...found.orphans.map((each) => `still runs: ${each}`), ...replayed.failures);
  const { secrets } = deployment;
  if (secrets.some((secret) => replayed.text.includes(secret))) failures.push('a secret is in a history');
  failures.push(...filesWithSecrets(folder, secrets).map((path) => `a secret is in ${path}`));
  return { ...found, failures, left };
}

/** Whether it came, and came true, in time. */
async function within(what: Promise<boolean>, ms: number): Promise<boolean> {
  const late = new AbortController();
  const timeout = sleep(ms, false, { signal: late.signal }).catch(() => false);
  const came = await Promise.race([what, timeout]);
  late.abort();
  return came;
}

/** Removes what a round left that did not fail. */
export function forget(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
