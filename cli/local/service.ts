/**
 * One supervised process: started in its own process group, restarted with growing pauses when it ends by itself.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PRIVATE_FILE } from '../../artifacts/private-files';
import { isRunning, signal } from './processes';
import type { ServiceState } from './state';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
/** After a run of this length the next pause is short again. */
const STABLE_AFTER_MS = 20_000;

export interface ServiceOptions {
  name: string;
  command: string;
  args: string[];
  /** Its working folder; default: the supervisor's own. */
  folder?: string;
  env: NodeJS.ProcessEnv;
  log: string;
  /** Leave stdin open as a pipe: the process ends when the supervisor dies. The Temporal server can not do that. */
  watchesParent: boolean;
  /** Whatever it writes is the owner's alone, whatever the umask. */
  privateFiles: boolean;
}

export class Service {
  private child: ChildProcess | null = null;
  private adopted: number | null = null;
  private timer: NodeJS.Timeout | null = null;
  private pause = FIRST_PAUSE_MS;
  private startedAt = 0;
  private restarts = 0;
  private wanted = false;
  private lastEnd: string | null = null;

  constructor(private readonly options: ServiceOptions) {}

  get pid(): number | null {
    return this.child?.pid ?? this.adopted;
  }

  get state(): ServiceState {
    const { name, log } = this.options;
    const state = this.pid !== null ? 'running' : !this.wanted ? 'stopped' : this.timer ? 'waiting' : 'starting';
    return { name, pid: this.pid, state, restarts: this.restarts, log, lastEnd: this.lastEnd };
  }

  /** Takes over a process that an earlier supervisor started. */
  adopt(pid: number): void {
    this.wanted = true;
    this.adopted = pid;
  }

  start(): void {
    this.wanted = true;
    this.launch();
  }

  /** Called once a second: an adopted process is no child, so its end has to be looked for. */
  check(): void {
    if (this.adopted !== null && !isRunning(this.adopted)) {
      this.adopted = null;
      this.ended('ended');
    }
  }

  /** Ends the process, and does not start it again. */
  async stop(graceMs: number): Promise<void> {
    this.wanted = false;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const pid = this.pid;
    if (pid === null) return;
    await endProcess(pid, graceMs);
    this.adopted = null;
  }

  private launch(): void {
    const { command, args, folder, env, log, watchesParent, privateFiles } = this.options;
    const out = openSync(log, 'a', PRIVATE_FILE);
    const umask = process.umask();
    // which a process inherits when it is started; only who writes results for people needs the person's own
    if (privateFiles) process.umask(umask | 0o077);
    let child: ChildProcess;
    try {
      child = spawn(command, args, {
        ...(folder === undefined ? {} : { cwd: folder }),
        env: watchesParent ? { ...env, FLAMINGO_PARENT: 'stdin' } : env,
        detached: true,
        stdio: [watchesParent ? 'pipe' : 'ignore', out, out],
      });
    } finally {
      process.umask(umask);
      closeSync(out);
    }
    this.child = child;
    this.startedAt = Date.now();
    child.stdin?.on('error', () => undefined);
    child.once('error', (error) => this.childEnded(child, `could not be started: ${error.message}`));
    child.once('exit', (code, by) =>
      this.childEnded(child, by === null ? `exited with code ${code}` : `was ended by ${by}`),
    );
  }

  private childEnded(child: ChildProcess, how: string): void {
    if (this.child !== child) return;
    this.child = null;
    this.ended(how);
  }

  private ended(how: string): void {
    this.lastEnd = how;
    if (!this.wanted) return;
    if (Date.now() - this.startedAt > STABLE_AFTER_MS) this.pause = FIRST_PAUSE_MS;
    this.restarts += 1;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.launch();
    }, this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }
}

/** SIGTERM, and SIGKILL to the process group when it is still there after `graceMs`. Returns when it has ended. */
export async function endProcess(pid: number, graceMs: number): Promise<void> {
  signal(pid, 'SIGTERM');
  const until = Date.now() + graceMs;
  while (isRunning(pid) && Date.now() < until) await sleep(50);
  if (isRunning(pid)) signal(-pid, 'SIGKILL');
  while (isRunning(pid)) await sleep(50);
}
