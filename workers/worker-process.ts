/**
 * The life of a worker's process: the watch on the process that started it, and what is said when it can not go on.
 *
 * With `FLAMINGO_PARENT=stdin` the worker's stdin is a pipe which its parent holds open and never writes to: the pipe
 * ends when the parent dies, even by SIGKILL.
 */
import { StoreMisconfigured } from '../artifacts/store';
import { visible } from '../report/page/visible';

/** As commands end for a setting that a person has to change: starting again does not help. */
const MISCONFIGURED = 2;

/** How long what a worker that failed has left open may hold its process. */
const HELD_MS = 5_000;

let orphaned = (): void => process.exit(1);

/**
 * Runs a worker's main. The parent is watched from the first moment on: opening the store and reaching a server can
 * take long, and until the worker runs there is nothing to shut down, so that the process just ends.
 */
export function runProcess(main: () => Promise<void>): void {
  if (process.env['FLAMINGO_PARENT'] === 'stdin') {
    const end = (): void => orphaned();
    process.stdin.on('end', end).on('error', end).resume();
  }
  main()
    .catch((error: unknown) => {
      process.stderr.write(`${visible(error instanceof Error ? error.message : String(error))}\n`);
      process.exitCode = error instanceof StoreMisconfigured ? MISCONFIGURED : 1;
    })
    .finally(() => {
      process.stdin.destroy(); // the watch would hold the process
      setTimeout(() => process.exit(), HELD_MS).unref();
    });
}

/** From now on `action` is what the death of the parent brings about. */
export function whenOrphaned(action: () => void): void {
  orphaned = action;
}
