/**
 * The client side of the embedded services: start them when they are not there, wait until they are ready, let go.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PRIVATE_FILE } from '../../artifacts/private-files';
import { environmentFor } from '../../tools/environments.cjs';
import { installationRoot } from '../../workers/places';
import { allowedByEnvironment } from '../../workers/secret';
import { InvalidUse } from '../errors';
import { isRunning, signal } from './processes';
import { endProcess } from './service';
import { requireSpace, TO_START_BYTES } from './space';
import type { LocalFiles, LocalState } from './state';
import {
  END_UNLESS_USED,
  judgeProcess,
  judgeVariables,
  orphanServer,
  valuesOf,
  type SupervisorOptions,
} from './supervisor';

const READY_MS = 120_000;
const STOP_MS = 90_000;
const ORPHAN_GRACE_MS = 15_000;

/** Registers this process as a client, starts the services when needed, and returns when they are ready. */
export async function useServices(
  files: LocalFiles,
  options: SupervisorOptions,
  say: (line: string) => void,
): Promise<LocalState> {
  requireSpace(files.data, TO_START_BYTES);
  requireKnownAllowances();
  files.addClient();
  let spawned: ChildProcess | null = null;
  const until = Date.now() + READY_MS;
  for (;;) {
    const state = files.liveState();
    if (state?.problem) throw new InvalidUse(state.problem);
    if (state !== null && !state.stopping) {
      if (state.ready) {
        if (lacking(state, options).length === 0) return state;
        await replace(files, state, options, say);
        spawned = null;
      }
    } else if (files.lockHolder() === null) {
      if (spawned === null) {
        say('Starting the Temporal server and the workers …');
        spawned = spawnSupervisor(files, options);
      } else if (spawned.signalCode !== null || (spawned.exitCode ?? 0) !== 0) {
        throw new Error(`the local services ended while starting; see ${files.log('supervisor')}`);
      } else if (spawned.exitCode === 0) {
        spawned = null; // another command's supervisor was first, and has ended meanwhile
      }
    }
    if (Date.now() > until) {
      throw new Error(
        `the local services are not ready after ${READY_MS / 1000} s; see the logs in ${join(files.data, 'logs')}`,
      );
    }
    await sleep(50);
  }
}

/** A worker that refuses its environment would be started again and again, with the reason in its log. */
function requireKnownAllowances(): void {
  try {
    allowedByEnvironment(process.env);
  } catch (error) {
    throw new InvalidUse((error as Error).message);
  }
}

/** What the running services do not have of what a command needs, in words. */
function lacking(state: LocalState, options: SupervisorOptions): string[] {
  const { accounts, uiToken, variables } = state as Partial<LocalState> & Pick<LocalState, 'accounts'>;
  // services of version 0.1.0 that still run
  if (uiToken === undefined || variables === undefined) return ['what this version of Flamingo needs'];
  const allowing = process.env['FLAMINGO_ALLOW_CLIENTS'];
  return [
    // whoever leaves it out takes the services as they are
    ...(allowing === undefined || allowing === state.allowedClients ? [] : [`FLAMINGO_ALLOW_CLIENTS=${allowing}`]),
    ...options.accounts.filter((account) => !accounts.includes(account)).map((account) => `the judge ${account}`),
    ...there(options.variables)
      .filter((name) => !variables.includes(name))
      .map((name) => `the variable ${name}`),
  ];
}

/** Of these variables those that this process has. */
function there(names: string[]): string[] {
  return Object.keys(valuesOf(process.env, names));
}

/** Running services that lack a judge account or a variable are restarted, unless another command is using them. */
async function replace(
  files: LocalFiles,
  state: LocalState,
  options: SupervisorOptions,
  say: (line: string) => void,
): Promise<void> {
  const others = files.clients().filter((pid) => pid !== process.pid);
  if (others.length > 0) {
    throw new InvalidUse(
      `the services in ${files.data} lack ${lacking(state, options).join(' and ')}, and are in use by process ${others.join(', ')}.\n` +
        'Wait for it to end, or set FLAMINGO_HOME to another folder.',
    );
  }
  say(`Restarting the services with ${lacking(state, options).join(' and ')} …`);
  await stopServices(files);
}

function spawnSupervisor(files: LocalFiles, options: SupervisorOptions): ChildProcess {
  files.detached = false; // of an earlier supervisor that was killed
  const out = openSync(files.log('supervisor'), 'a', PRIVATE_FILE);
  const name = options.accounts.every((account) => judgeProcess(account) === 'judge worker')
    ? 'supervisor'
    : 'supervisor of a Claude judge';
  const variables = there(options.variables);
  const child = spawn(
    process.execPath,
    [
      join(installationRoot(), 'dist', 'cli', 'main.js'),
      'supervise',
      ...options.accounts.flatMap((account) => ['--account', account]),
      ...variables.flatMap((variable) => ['--variable', variable]),
      '--port',
      String(options.port),
    ],
    {
      env: {
        ...environmentFor(name, process.env),
        ...valuesOf(process.env, variables),
        ...judgeVariables(process.env, options.accounts),
        FLAMINGO_HOME: files.data,
      },
      detached: true,
      stdio: ['ignore', out, out],
    },
  );
  closeSync(out);
  child.unref();
  return child;
}

/** Lets go, and waits for the end of the services unless some other command uses them. */
export async function letGoAndWait(files: LocalFiles): Promise<void> {
  files.removeClient();
  const pid = files.lockHolder();
  if (pid === null) {
    if (!files.used) await endOrphan(files);
    return;
  }
  signal(pid, END_UNLESS_USED);
  await ended(files, pid, () => files.used);
}

/** Stops the services, a server that outlived its supervisor too, and waits until they have ended. False when none ran. */
export async function stopServices(files: LocalFiles): Promise<boolean> {
  files.detached = false;
  const pid = files.lockHolder();
  if (pid !== null) {
    signal(pid, 'SIGTERM');
    await ended(files, pid, () => false);
  }
  return (await endOrphan(files)) || pid !== null;
}

async function endOrphan(files: LocalFiles): Promise<boolean> {
  const orphan = orphanServer(files, files.lastState());
  if (orphan === null) return false;
  await endProcess(orphan, ORPHAN_GRACE_MS);
  files.clearState();
  return true;
}

/** Returns when the process has ended, or when it need not. */
async function ended(files: LocalFiles, pid: number, unless: () => boolean): Promise<void> {
  const until = Date.now() + STOP_MS;
  while (isRunning(pid) && !unless()) {
    if (Date.now() > until) throw new Error(`process ${pid} does not end; see ${files.log('supervisor')}`);
    await sleep(50);
  }
}
