/**
 * A measured child process: its output, wall time, and the CPU time and memory of it and everything it starts.
 *
 * From /proc, ten times a second; without /proc (macOS) CPU and memory are null, never a guess.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { environmentFor } from '../tools/environments.cjs';

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  wallMs: number;
  cpuSeconds: number | null;
  peakRssMb: number | null;
}

export interface Running {
  child: ChildProcess;
  finished: Promise<Finished>;
  /** SIGKILL to its whole process group. */
  kill(): void;
}

export interface StartOptions {
  cwd: string;
  /** Default: `peerEnvironment()`. */
  env?: NodeJS.ProcessEnv;
}

const SAMPLE_MS = 100;
/** `getconf CLK_TCK` is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** What programs of others are given of the environment: no key and no token. */
export function peerEnvironment(): NodeJS.ProcessEnv {
  return environmentFor('peer of the benchmark', process.env);
}

/** Starts it in a process group of its own. `finished` never rejects for a bad exit, only when it can not be started. */
export function start(command: string, args: string[], { cwd, env = peerEnvironment() }: StartOptions): Running {
  const started = performance.now();
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const use = new TreeUse(child.pid);
  const sampling = setInterval(() => use.sample(), SAMPLE_MS);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-100_000)));
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', (error) => {
      clearInterval(sampling);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearInterval(sampling);
      const wallMs = performance.now() - started;
      resolve({ code, signal, stdout, stderr, wallMs, cpuSeconds: use.cpuSeconds, peakRssMb: use.peakRssMb });
    });
  });
  const kill = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, 'SIGKILL');
  };
  return { child, finished, kill };
}

/** Runs it to the end. Throws with the end of its stderr when it exits with another code than 0. */
export async function run(command: string, args: string[], options: StartOptions): Promise<Finished> {
  const finished = await start(command, args, options).finished;
  if (finished.code === 0) return finished;
  const how = finished.signal ?? `code ${finished.code}`;
  throw new Error(`${[command, ...args].join(' ')} ended with ${how}:\n${finished.stderr.slice(-2000)}`);
}

/** CPU time so far of one process, in seconds; null where it can not be read. */
export function cpuSecondsOf(pid: number): number | null {
  const stat = readStat(pid);
  return stat === null ? null : stat.ticks / TICKS_PER_SECOND;
}

/** Highest resident memory of one process so far, in MB; null where it can not be read. */
export function peakRssMbOf(pid: number): number | null {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) / 1024;
  } catch {
    return null;
  }
}

/** CPU time and memory of a process and its descendants; those that end between two samples count up to the sample before. */
class TreeUse {
  peakRssMb: number | null = null;
  private readonly ticks = new Map<number, number>();

  constructor(private readonly root: number | undefined) {}

  get cpuSeconds(): number | null {
    if (this.ticks.size === 0) return null;
    return [...this.ticks.values()].reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND;
  }

  sample(): void {
    if (this.root === undefined) return;
    let pages = 0;
    for (const pid of treeOf(this.root)) {
      const stat = readStat(pid);
      if (stat === null) continue;
      this.ticks.set(pid, stat.ticks);
      pages += stat.pages;
    }
    if (pages > 0) this.peakRssMb = Math.max(this.peakRssMb ?? 0, (pages * 4096) / 2 ** 20);
  }
}

function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of processIds()) {
    const parent = readStat(pid)?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: number[] = [];
  for (const queue = [root]; queue.length > 0;) {
    const pid = queue.pop() as number;
    found.push(pid);
    queue.push(...(children.get(pid) ?? []));
  }
  return found;
}

function processIds(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function readStat(pid: number): { parent: number; ticks: number; pages: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the second field is the program's name in brackets, in which anything may stand
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]), pages: Number(fields[21]) };
  } catch {
    return null;
  }
}
