/**
 * A trainer of the experiment's own as a process: started without a shell in a process group of its own, told to stop by
 * SIGTERM, ended by SIGKILL after its grace, and never left behind (guard.py).
 *
 * Its environment has a fixed few variables and those that the experiment file names, nothing else of the worker's.
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

/** What programs need to run at all, and where GPUs and models are. None holds a secret. */
const KEPT = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'CUDA_HOME',
  'CUDA_VISIBLE_DEVICES',
  'NVIDIA_VISIBLE_DEVICES',
  'HF_HOME',
  'HF_HUB_CACHE',
  'SYSTEMROOT',
];

/** Libraries are offline and quiet, as in our own trainer: the model lies on this host. */
const FIXED = {
  HF_HUB_OFFLINE: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
  DO_NOT_TRACK: '1',
  TOKENIZERS_PARALLELISM: 'false',
  PYTHONUNBUFFERED: '1',
};

/** The values of the variables that the experiment file names; `missing` are those that this worker does not have. */
export function namedVariables(
  env: NodeJS.ProcessEnv,
  names: readonly string[],
): { values: Record<string, string>; missing: string[] } {
  const values: Record<string, string> = {};
  const missing: string[] = [];
  for (const name of names) {
    const value = env[name];
    if (value === undefined) missing.push(name);
    else values[name] = value;
  }
  return { values, missing };
}

/** A program's whole environment. */
export function environmentOf(env: NodeJS.ProcessEnv, named: Record<string, string>): NodeJS.ProcessEnv {
  const kept = KEPT.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  return { ...(Object.fromEntries(kept) as Record<string, string>), ...FIXED, ...named };
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
