/**
 * What a GPU worker does with a fine-tune's checkpoints, in a process of its own: `node uploader.js FOLDER` prints
 * `{"attempt": PATH}`, where the trainer is to write them, and syncs that folder over 1 Gbit/s for each line on its stdin. For
 * each sync it prints `{"began": S, "ended": S}`, in seconds of the machine's monotonic clock (of Python: `time.monotonic`).
 * It ends when its stdin does, once everything is uploaded, and on SIGTERM at once.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { environmentFor } from '../../tools/environments.cjs';
import { firstWorkspace, pacedStore } from './paced-store';

async function main(folder: string): Promise<void> {
  const children: ChildProcess[] = [];
  const endChildren = (): void => children.forEach((child) => void child.kill('SIGKILL'));
  process.once('SIGTERM', () => {
    endChildren();
    process.exit(1);
  });
  try {
    const store = await pacedStore(folder, (command, args, env = {}) => {
      const child = spawn(command, args, {
        env: { ...environmentFor('helper', process.env), ...env },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      children.push(child);
      return child;
    });
    const workspace = await firstWorkspace(store);
    say({ attempt: workspace.path });
    const syncs: Promise<void>[] = [];
    const lines = createInterface({ input: process.stdin }).on('line', () => {
      const began = seconds();
      const sync = workspace.sync().then(() => say({ began, ended: seconds() }));
      sync.catch(() => undefined); // thrown when stdin has ended: thrown now, it would end this process and leave the others
      syncs.push(sync);
    });
    await once(lines, 'close');
    await Promise.all(syncs);
    store.close();
  } finally {
    endChildren();
  }
}

function say(message: object): void {
  console.log(JSON.stringify(message));
}

function seconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

main(process.argv[2] as string).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
