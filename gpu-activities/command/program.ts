/**
 * A trainer of the experiment's own as a process: started without a shell in a process group of its own, told to stop by
 * SIGTERM, ended by SIGKILL after its grace, and never left behind (guard.py).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** What a worker's host has for such programs. */
export interface ProgramHost {
  /** The interpreter of the trainer's environment; throws `NotSetUp` where there is none. */
  python(): string;
  /** Folder of the package `flamingo_trainer`. */
  trainerFolder: string;
  /** The worker's environment; a program gets a few variables of it. */
  env: NodeJS.ProcessEnv;
}

export interface ProgramOptions extends Omit<ProgramHost, 'env'> {
  /** `{python}` stands for the interpreter. */
  command: readonly string[];
  /** Added as the last argument. */
  settingsFile: string;
  folder: string;
  env: NodeJS.ProcessEnv;
  graceSeconds: number;
}

export class Program {
  private readonly child: ChildProcess;
  private lastResort: NodeJS.Timeout | undefined;
  /** Exit code; 128 + number where a signal ended it. */
  readonly ended: Promise<number>;
  /** Whether it was asked to stop. */
  asked = false;

  constructor(private readonly options: ProgramOptions) {
    const { trainerFolder, command, settingsFile } = options;
    const python = options.python();
    const words = [...command.map((word) => (word === '{python}' ? python : word)), settingsFile];
    this.child = spawn(python, ['-I', join(trainerFolder, 'flamingo_trainer', 'guard.py'), ...words], {
      cwd: options.folder,
      env: options.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    this.ended = new Promise((resolve) => {
      this.child.once('error', () => resolve(127));
      this.child.once('exit', (code, signal) => {
        clearTimeout(this.lastResort);
        this.signal('SIGKILL'); // whatever it started and left behind
        resolve(code ?? (signal === 'SIGKILL' ? 137 : 143));
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get output(): { stdout: Readable; stderr: Readable } {
    return { stdout: this.child.stdout as Readable, stderr: this.child.stderr as Readable };
  }

  stop(): void {
    if (this.asked) return;
    this.asked = true;
    this.signal('SIGTERM');
    this.lastResort = setTimeout(() => this.kill(), this.options.graceSeconds * 1000);
  }

  kill(): void {
    this.signal('SIGKILL');
  }

  private signal(name: NodeJS.Signals): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
