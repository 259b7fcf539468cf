/**
 * A process that stands for training: steps of equal work on one core, one after the other. Each second it says on stdout
 * how many it did, and in how many ms of processor time: the trainer never waits for an upload, which can only make its steps
 * slower. What others take from the core shows in the first number alone.
 */
import { createHash } from 'node:crypto';

const WORK = Buffer.alloc(1 << 20, 7);

process.stdin.on('end', () => process.exit(0)).resume();

function work(): void {
  const end = performance.now() + 1000;
  const before = process.cpuUsage();
  let steps = 0;
  for (; performance.now() < end; steps++) createHash('sha256').update(WORK).digest();
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${steps} ${(user + system) / 1000}\n`);
  setImmediate(work); // between seconds it looks whether it is still wanted
}

work();
