/**
 * The embedded services' state file: what the supervisor tells every `flamingo` command in this data folder.
 *
 *     .flamingo/run/state.json        written by the supervisor twice a second
 *     .flamingo/run/supervisor.lock   the identity of the one supervisor: process id and start time
 *     .flamingo/run/clients/PID       a command that needs the services, likewise; when none is left they are stopped
 *     .flamingo/run/detached          keeps them running without a client (`--detach`)
 */
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createExclusive, readExclusive, removeExclusive } from '../../artifacts/local/create-exclusive';
import { PRIVATE_FILE, privateFolderSync } from '../../artifacts/private-files';
import type { HttpPorts } from './http-ports';
import { identityOf, isRunning, processOf } from './processes';

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
  /** When it was last written: milliseconds since the epoch, renewed twice a second. */
  heartbeat: number;
  address: string;
  /** The gate of the Temporal UI (ui-gate.ts), `http://127.0.0.1:PORT`; '' = there is none. */
  ui: string;
  /** Lets a browser through that gate. */
  uiToken: string;
  /** Ports of the server's that only the gate talks to; null before the server was started. */
  ports: HttpPorts | null;
  serverPid: number | null;
  /** Identity of that process, and the database that it was started with. */
  serverIdentity: string | null;
  serverDatabase: string | null;
  standIn: string | null;
  /** Opens the stand-in's control routes. */
  standInToken: string;
  /** Judge accounts that a worker serves. */
  accounts: string[];
  /** Variables that the GPU worker has for trainers of experiments' own, by name. */
  variables: string[];
  /** What FLAMINGO_ALLOW_CLIENTS was when the services were started. */
  allowedClients: string;
  ready: boolean;
  stopping: boolean;
  /** Why the services can not come up, for people. */
  problem: string | null;
  services: ServiceState[];
}

/** A supervisor without a heartbeat for so long is dead or frozen. */
const STALE_MS = 5_000;

export class LocalFiles {
  readonly run: string;

  constructor(readonly data: string) {
    this.run = join(data, 'run');
    privateFolderSync(data);
    for (const folder of ['run', join('run', 'clients'), 'logs', 'temporal']) ownFolder(join(data, folder));
    if (basename(data) === '.flamingo') ownFolder(data);
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
    if (state === null || !isRunning(state.supervisor) || Date.now() - state.heartbeat > STALE_MS) return null;
    return state;
  }

  writeState(state: LocalState): void {
    this.replace('state.json', JSON.stringify(state, null, 2) + '\n');
  }

  /**
   * Says that the services end, unless some command needs them. Said first and looked at afterwards: whoever registers as
   * a client and does not read this yet is seen here, so no command is left with services that are just ending.
   */
  endUnlessUsed(state: LocalState): boolean {
    this.writeState({ ...state, ready: false, stopping: true });
    if (!this.used) return true;
    this.writeState(state);
    return false;
  }

  /** Some command needs the services, or they are to stay without one. */
  get used(): boolean {
    return this.detached || this.clients().length > 0;
  }

  clearState(): void {
    rmSync(join(this.run, 'state.json'), { force: true });
  }

  /** True when this process is now the one supervisor of the data folder. */
  takeLock(): boolean {
    const mine = join(this.run, `lock-${process.pid}`);
    writeFileSync(mine, identityOf(process.pid), { mode: PRIVATE_FILE });
    try {
      for (let round = 0; round < 3; round += 1) {
        if (createExclusive(mine, this.lock)) return true;
        const holder = this.readLock();
        if (holder === null) continue;
        if (processOf(holder) !== null) return false;
        this.clearStaleLock(holder);
      }
      return false;
    } finally {
      rmSync(mine, { force: true });
    }
  }

  /** Removes the lock of a dead process. Whoever else is doing the same may have put a living one there meanwhile. */
  private clearStaleLock(stale: string): void {
    const aside = join(this.run, `lock-${process.pid}-stale`);
    try {
      renameSync(this.lock, aside); // of several, one succeeds
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    try {
      // false where a third one was quicker: the owner of what we hold sees that the lock is no longer its own, and ends
      if (readExclusive(aside) !== stale) createExclusive(aside, this.lock);
    } finally {
      rmSync(aside, { force: true, recursive: true });
    }
  }

  ownsLock(): boolean {
    return this.readLock() === identityOf(process.pid);
  }

  releaseLock(): void {
    if (this.ownsLock()) removeExclusive(this.lock);
  }

  /** Process id of the living supervisor. */
  lockHolder(): number | null {
    const holder = this.readLock();
    return holder === null ? null : processOf(holder);
  }

  private get lock(): string {
    return join(this.run, 'supervisor.lock');
  }

  private readLock(): string | null {
    return readOptional(this.lock);
  }

  addClient(): void {
    this.replace(join('clients', String(process.pid)), identityOf(process.pid));
  }

  /** This command needs the services no longer; the supervisor stops them when nobody else does. */
  removeClient(): void {
    rmSync(join(this.run, 'clients', String(process.pid)), { force: true });
  }

  /** Process ids of living clients; files of dead ones are cleared away. */
  clients(): number[] {
    const folder = join(this.run, 'clients');
    return readdirSync(folder).flatMap((name) => {
      const client = readOptional(join(folder, name));
      if (client === null) return [];
      const pid = processOf(client);
      if (pid !== null) return pid;
      rmSync(join(folder, name), { force: true });
      return [];
    });
  }

  get detached(): boolean {
    return existsSync(join(this.run, 'detached'));
  }

  set detached(keep: boolean) {
    if (keep) writeFileSync(join(this.run, 'detached'), '', { mode: PRIVATE_FILE });
    else rmSync(join(this.run, 'detached'), { force: true });
  }

  private replace(name: string, text: string): void {
    const temporary = join(this.run, `${basename(name)}.${process.pid}`);
    try {
      writeFileSync(temporary, text, { mode: PRIVATE_FILE }); // the state holds tokens
      renameSync(temporary, join(this.run, name));
    } finally {
      rmSync(temporary, { force: true });
    }
  }
}

/** A folder that nobody but Flamingo uses: private also where an earlier version made it, or another account's umask. */
function ownFolder(path: string): void {
  privateFolderSync(path);
  const { mode, uid } = statSync(path);
  if ((mode & 0o077) !== 0 && uid === process.getuid?.()) chmodSync(path, mode & 0o700);
}

function readOptional(path: string): string | null {
  try {
    return readExclusive(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
