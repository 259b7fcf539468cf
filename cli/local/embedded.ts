/**
 * The client side of the embedded services: start them when they are not there, wait until they are ready, let go.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { installationRoot } from '../../artifacts/places';
import { InvalidUse } from '../errors';
import { sleep } from './service';
import { isRunning, type LocalFiles, type LocalState } from './state';
import type { SupervisorOptions } from './supervisor';

const READY_MS = 120_000;
const STOP_MS = 90_000;

/** Registers this process as a client, starts the services when needed, and returns when they are ready. */
export async function useServices(
  files: LocalFiles,
  options: SupervisorOptions,
  say: (line: string) => void,
): Promise<LocalState> {
  files.addClient();
  let spawned = false;
  const until = Date.now() + READY_MS;
  for (;;) {
    const state = files.liveState();
    if (state?.problem) throw new InvalidUse(state.problem);
    if (state !== null && !state.stopping) {
      if (state.ready) {
        if (options.accounts.every((account) => state.accounts.includes(account))) return state;
        await replace(files, state, options, say);
        spawned = false;
      }
    } else if (!spawned && files.lockHolder() === null) {
      say('Starting the Temporal server and the workers …');
      spawnSupervisor(files, options);
      spawned = true;
    } else if (spawned && files.lockHolder() === null && Date.now() > until - READY_MS + 10_000) {
      throw new Error(`the local services ended while starting; see ${files.log('supervisor')}`);
    }
    if (Date.now() > until) {
      throw new Error(`the local services are not ready after ${READY_MS / 1000} s; see the logs in ${join(files.data, 'logs')}`);
    }
    await sleep(50);
  }
}

/** Running services that lack a judge account are restarted, unless another command is using them. */
async function replace(
  files: LocalFiles,
  state: LocalState,
  options: SupervisorOptions,
  say: (line: string) => void,
): Promise<void> {
  const others = files.clients().filter((pid) => pid !== process.pid);
  if (others.length > 0) {
    throw new InvalidUse(
      `the services in ${files.data} serve the judge ${state.accounts.join(', ')} and are in use by process ${others.join(', ')}.\n` +
        'Wait for it to end, or set FLAMINGO_HOME to another folder.',
    );
  }
  say(`Restarting the services with the judge ${options.accounts.join(', ')} …`);
  await stopServices(files);
}

function spawnSupervisor(files: LocalFiles, options: SupervisorOptions): void {
  const out = openSync(files.log('supervisor'), 'a');
  const child = spawn(
    process.execPath,
    [
      join(installationRoot(), 'dist', 'cli', 'main.js'),
      'supervise',
      ...options.accounts.flatMap((account) => ['--account', account]),
      '--port',
      String(options.port),
    ],
    { env: { ...process.env, FLAMINGO_HOME: files.data }, detached: true, stdio: ['ignore', out, out] },
  );
  closeSync(out);
  child.unref();
}

/** This command needs the services no longer; the supervisor stops them when nobody else does. */
export function letGo(files: LocalFiles): void {
  files.removeClient();
}

/** Stops the services and waits until all of them have ended. False when none ran. */
export async function stopServices(files: LocalFiles): Promise<boolean> {
  files.detached = false;
  const pid = files.lockHolder();
  if (pid === null) return false;
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // it ended in this very moment
  }
  const until = Date.now() + STOP_MS;
  while (isRunning(pid)) {
    if (Date.now() > until) throw new Error(`process ${pid} does not end; see ${files.log('supervisor')}`);
    await sleep(50);
  }
  return true;
}
