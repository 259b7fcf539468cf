/**
 * `npm run bench -- checkpoint-upload`: what a training loop loses while its checkpoint is uploaded. 0.55 GB (adapter and
 * optimizer state of a 14B model at rank 32) go through a line of 1 Gbit/s to a real S3 server, uploaded by `Workspace.sync`
 * as a GPU worker does it, in this process; a loop of equal CPU work runs beside it, in a process of its own like the trainer.
 *
 * Stall = upload time × (1 − steps a second of processor time during the upload / before it), as a share of the time between
 * two checkpoints. By processor time, because other programs of the machine take time, too; the loop has a core of its own
 * (the first, by taskset), and worker, line and server have the others. On a machine that does nothing else the steps a second
 * of the clock say the same, and are printed beside.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { executableOnPath } from '../../tools/locations.cjs';
import { environmentFor } from '../../tools/environments.cjs';
import { BITS_PER_SECOND, firstWorkspace, pacedStore } from './paced-store';

const CHECKPOINT_BYTES = 550e6;
const SECONDS_BEFORE = 10;
const BAR_PERCENT = 1;
/** The shortest that the trainer chooses by itself (training/saving.py), so the worst case. */
const INTERVAL_SECONDS = 30;

export async function runCheckpointUpload(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'flamingo-bench-'));
  const children: ChildProcess[] = [];
  const cores = availableParallelism();
  const pinned = cores > 1 && executableOnPath('taskset') !== null;
  const others = `1-${cores - 1}`;
  const start = (on: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess => {
    const words = pinned ? ['taskset', '-c', on, command, ...args] : [command, ...args];
    const child = spawn(words[0] as string, words.slice(1), {
      env: { ...environmentFor('helper', process.env), ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    children.push(child);
    return child;
  };
  try {
    const store = await pacedStore(folder, (command, args, env) => start(others, command, args, env));
    if (pinned) await ended(spawn('taskset', ['-a', '-c', '-p', others, String(process.pid)], { stdio: 'ignore' }));
    const workspace = await firstWorkspace(store);
    writeCheckpoint(workspace.path);

    let counts: Second[] = [];
    start('0', process.execPath, [join(__dirname, 'loop.js')]).stdout?.on('data', (text: Buffer) => {
      for (const line of text.toString().trim().split('\n')) {
        const [steps, cpuMs] = line.split(' ').map(Number) as [number, number];
        counts.push({ steps, cpuMs });
      }
    });
    await sleep(2_000); // compiled and warm
    counts = [];
    await sleep(SECONDS_BEFORE * 1000);
    const before = rates(counts);
    counts = [];
    const started = performance.now();
    const spent = process.cpuUsage();
    await workspace.sync();
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(spent);
    const during = rates(counts);
    store.close();
    const slower = Math.max(0, 1 - during.ofCpu / before.ofCpu);
    const stall = slower * seconds;
    const percent = (100 * stall) / INTERVAL_SECONDS;
    console.log(
      [
        `0.55 GB in ${seconds.toFixed(1)} s (${((CHECKPOINT_BYTES * 8) / seconds / 1e9).toFixed(2)} Gbit/s); the line alone takes ${((CHECKPOINT_BYTES * 8) / BITS_PER_SECOND).toFixed(1)} s`,
        `training loop, steps a second of processor time: ${before.ofCpu.toFixed(0)} before, ${during.ofCpu.toFixed(0)} during the upload: ${(100 * slower).toFixed(1)} % slower`,
        `by the clock: ${before.ofClock.toFixed(0)} before, ${during.ofClock.toFixed(0)} during; the worker took ${((user + system) / 1e6).toFixed(1)} s of processor time`,
        `stall: ${stall.toFixed(2)} s for each checkpoint, ${percent.toFixed(2)} % of ${INTERVAL_SECONDS} s between two (bar: ${BAR_PERCENT} %)`,
        `${cores} cores; ${pinned ? `loop on core 0, the rest on ${others}` : 'nothing pinned'}`,
      ].join('\n'),
    );
    return percent < BAR_PERCENT ? 0 : 1;
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeCheckpoint(folder: string): void {
  const step = join(folder, 'checkpoints', 'step-000025');
  mkdirSync(step, { recursive: true });
  const block = Buffer.alloc(CHECKPOINT_BYTES / 10);
  // a third is the adapter, the rest the two moments of the optimizer
  for (const [name, blocks] of [
    ['adapter.safetensors', 3],
    ['optimizer.safetensors', 7],
  ] as const) {
    for (let count = 0; count < blocks; count++) {
      writeFileSync(join(step, name), randomFillSync(block), { flag: 'a' });
    }
  }
}

interface Second {
  steps: number;
  cpuMs: number;
}

function rates(seconds: readonly Second[]): { ofClock: number; ofCpu: number } {
  const steps = seconds.reduce((sum, each) => sum + each.steps, 0);
  const cpuMs = seconds.reduce((sum, each) => sum + each.cpuMs, 0);
  return { ofClock: steps / seconds.length, ofCpu: (1000 * steps) / cpuMs };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('close', () => resolve()));
}
