/**
 * The embedded services' state file: what the supervisor tells every `flamingo` command in this data folder.
 *
 *     .flamingo/run/state.json        written by the supervisor once a second
 *     .flamingo/run/supervisor.lock   the process id of the one supervisor
 *     .flamingo/run/clients/PID       a command that needs the services; when none is left they are stopped
 *     .flamingo/run/detached          keeps them running without a client (`--detach`)
 */
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ServiceState {
  name: string;
  pid: number | null;
  /** `waiting`: restarted after a pause. */
  state: 'starting' | 'running' | 'waiting' | 'stopped';
  restarts: number;
  log: string;
  /** How it last ended, when it did. */
  lastEnd: string | null;
}

export interface LocalState {
  supervisor: number;
  /** Milliseconds since the epoch, renewed every second. */
  beat: number;
  address: string;
  ui: string;
  serverPid: number | null;
  standIn: string | null;
  /** Judge accounts that a worker serves. */
  accounts: string[];
  ready: boolean;
  stopping: boolean;
  /** Why the services can not come up, for people. */
  problem: string | null;
  services: ServiceState[];
}

/** A supervisor that has not beaten for so long is dead or frozen. */
const STALE_MS = 5_000;

export class LocalFiles {
  readonly run: string;

  constructor(readonly data: string) {
    this.run = join(data, 'run');
    mkdirSync(join(this.run, 'clients'), { recursive: true });
    mkdirSync(join(data, 'logs'), { recursive: true });
  }

  log(name: string): string {
    return join(this.data, 'logs', `${name}.log`);
  }

  /** The last state written, whether or not its supervisor still lives. */
  lastState(): LocalState | null {
    try {
      return JSON.parse(readFileSync(join(this.run, 'state.json'), 'utf8')) as LocalState;
    } catch {
      return null;
    }
  }

  liveState(): LocalState | null {
    const state = this.lastState();
    if (state === null || !isRunning(state.supervisor) || Date.now() - state.beat > STALE_MS) return null;
    return state;
  }

  writeState(state: LocalState): void {
    this.replace('state.json', JSON.stringify(state, null, 2) + '\n');
  }

  clearState(): void {
    rmSync(join(this.run, 'state.json'), { force: true });
  }

  /** True when this process is now the one supervisor of the data folder. */
  takeLock(): boolean {
    const path = join(this.run, 'supervisor.lock');
    const mine = join(this.run, `lock-${process.pid}`);
    writeFileSync(mine, String(process.pid));
    try {
      for (let round = 0; round < 2; round += 1) {
        try {
          linkSync(mine, path);
          return true;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
          if (isRunning(Number(readFileSync(path, 'utf8')))) return false;
          rmSync(path, { force: true });
        }
      }
      return false;
    } finally {
      rmSync(mine, { force: true });
    }
  }

  releaseLock(): void {
    rmSync(join(this.run, 'supervisor.lock'), { force: true });
  }

  lockHolder(): number | null {
    try {
      const pid = Number(readFileSync(join(this.run, 'supervisor.lock'), 'utf8'));
      return isRunning(pid) ? pid : null;
    } catch {
      return null;
    }
  }

  addClient(): void {
    writeFileSync(join(this.run, 'clients', String(process.pid)), '');
  }

  removeClient(): void {
    rmSync(join(this.run, 'clients', String(process.pid)), { force: true });
  }

  /** Living clients; files of dead ones are cleared away. */
  clients(): number[] {
    const folder = join(this.run, 'clients');
    return readdirSync(folder)
      .map(Number)
      .filter((pid) => {
        if (isRunning(pid)) return true;
        rmSync(join(folder, String(pid)), { force: true });
        return false;
      });
  }

  get detached(): boolean {
    return existsSync(join(this.run, 'detached'));
  }

  set detached(keep: boolean) {
    if (keep) writeFileSync(join(this.run, 'detached'), '');
    else rmSync(join(this.run, 'detached'), { force: true });
  }

  private replace(name: string, text: string): void {
    const temporary = join(this.run, `${name}.${process.pid}`);
    writeFileSync(temporary, text);
    renameSync(temporary, join(this.run, name));
  }
}

/** Whether a process with this id exists. */
export function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    // a killed child that nobody has reaped yet still has an id, but no longer runs
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}
