/**
 * Runs a reader on made-up inputs for a while. `FLAMINGO_FUZZ_SECONDS` (default 60) for each reader, from the seed
 * `FLAMINGO_FUZZ_SEED` (default: the day, so that every day tries others and a finding is found again on that day).
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';

const SECONDS = Number(process.env['FLAMINGO_FUZZ_SECONDS'] ?? 60);
const SEED = Number(process.env['FLAMINGO_FUZZ_SEED'] ?? Math.floor(Date.now() / 86_400_000));
/** So many inputs have some that are accepted and some that are refused, whatever the reader. */
const ENOUGH = 50;
/** Seconds of this process's own computing that one input may cost, and of waiting. */
const HANG = { computing: 2, waiting: 120 };

/** What a reader must not do with any input. The message says what it did. */
export class Finding extends Error {
  override name = 'Finding';
}

/**
 * Declares the test. `valid` are inputs that must be accepted. `check` reads one input; it throws a `Finding`, or anything
 * else that the reader threw uncaught, for a fault. At least the share `least` of all inputs must be accepted.
 */
export function fuzz(
  reader: string,
  inputs: fc.Arbitrary<Buffer>,
  valid: readonly (string | Uint8Array)[],
  check: (input: Buffer) => Promise<'accepted' | 'refused'>,
  least = 0.05,
): void {
  test(
    `${reader}: ${SECONDS} s from seed ${SEED}`,
    async () => {
      for (const each of valid) expect(await check(Buffer.from(each as string))).toBe('accepted');
      const folder = mkdtempSync(join(tmpdir(), `flamingo-fuzz-${reader.replaceAll(' ', '-')}-`));
      const watch = new Watch(join(folder, 'hangs-with'));
      const seen = { accepted: 0, refused: 0 };
      let last: Promise<unknown> = Promise.resolve();
      const one = fc.asyncProperty(inputs, async (input) => {
        const read = watch.over(input, () => check(input));
        last = read.catch(() => undefined);
        seen[await read] += 1;
      });
      try {
        const found = await fc.check(one, {
          seed: SEED,
          numRuns: Number.MAX_SAFE_INTEGER,
          interruptAfterTimeLimit: SECONDS * 1000,
          maxSkipsPerRun: 0,
        });
        // the search does not wait for the input in whose middle the time was over, which may still hold the output
        await last;
        if (found.failed && found.counterexample !== null) {
          const input = found.counterexample[0];
          const file = join(folder, 'finding');
          writeFileSync(file, input);
          throw new Error(
            `${reader}, seed ${SEED}, input ${file}: ${JSON.stringify(input.toString('latin1').slice(0, 600))}`,
            {
              cause: found.errorInstance,
            },
          );
        }
      } finally {
        await watch.end();
      }
      const all = seen.accepted + seen.refused;
      const accepted = seen.accepted / all;
      process.stderr.write(`${reader}: ${all} inputs, ${(100 * accepted).toFixed(0)} % of them accepted\n`);
      // nobody would look at a fuzzer whose inputs are refused at the first byte, or all accepted; few of them do not show it
      if (all < ENOUGH) return;
      expect(seen.refused).toBeGreaterThan(0);
      expect(accepted).toBeGreaterThanOrEqual(least);
    },
    (SECONDS + 120) * 1000,
  );
}

/** A thread that ends the process when one input takes too long: a loop leaves this thread no time to notice. */
class Watch {
  /** 0: whether an input is being read; 1: its number. */
  private readonly shared = new Int32Array(new SharedArrayBuffer(8));
  private readonly thread: Worker;

  constructor(private readonly file: string) {
    this.thread = new Worker(WATCHER, { eval: true, workerData: { shared: this.shared, file, hang: HANG } });
    this.thread.unref();
  }

  async over<T>(input: Buffer, read: () => Promise<T>): Promise<T> {
    writeFileSync(this.file, input);
    Atomics.add(this.shared, 1, 1);
    Atomics.store(this.shared, 0, 1);
    try {
      return await read();
    } finally {
      Atomics.store(this.shared, 0, 0);
    }
  }

  async end(): Promise<void> {
    await this.thread.terminate();
  }
}

const WATCHER = `
const { workerData: { shared, file, hang } } = require('node:worker_threads');
const fs = require('node:fs');
let number = 0, since = 0, computed = 0;
const computing = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
setInterval(() => {
  if (Atomics.load(shared, 0) === 0 || Atomics.load(shared, 1) !== number) {
    number = Atomics.load(shared, 1); since = performance.now(); computed = computing();
    return;
  }
  const waited = (performance.now() - since) / 1000, used = computing() - computed;
  if (waited < hang.computing || (used < hang.computing && waited < hang.waiting)) return;
  fs.writeSync(2, 'HANG: after ' + used.toFixed(1) + ' s of computing and ' + waited.toFixed(1) + ' s: ' + file + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, 50);
`;
