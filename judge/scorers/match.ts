/**
 * Regular expressions of experiment files, on answers of models: in a thread of its own, which is ended when one answer
 * takes too long. A pattern that backtracks without end so fails its cell, whose judges are then not asked either, and never holds a
 * worker.
 */
import { Worker } from 'node:worker_threads';

/** A pattern takes this long, on one answer or on some thousand, only where it backtracks without end. */
const LIMITS: Limits = { answerMs: 3_000, allMs: 30_000 };
/** How often it is looked at. Milliseconds. */
const LOOK_MS = 250;

/** The pattern took longer than any that does not backtrack without end. */
export class PatternTooSlow extends Error {
  override name = 'PatternTooSlow';
}

/** Plain JavaScript, so that it needs no file of its own. `done` counts answers; the reply has a byte for each. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { pattern, flags, answers, done } = workerData;
const counter = new Int32Array(done);
const expression = new RegExp(pattern, flags + 'u');
const hits = new Uint8Array(answers.length);
for (let index = 0; index < answers.length; index++) {
  hits[index] = expression.test(answers[index]) ? 1 : 0;
  Atomics.store(counter, 0, index + 1);
}
parentPort.postMessage(hits);
`;

interface Limits {
  answerMs: number;
  allMs: number;
}

/** Whether the pattern matches somewhere in each of at most some thousand answers. Throws `PatternTooSlow`. */
export async function matchAll(
  { pattern, flags }: { pattern: string; flags: string },
  answers: readonly string[],
  { answerMs, allMs }: Limits = LIMITS,
): Promise<boolean[]> {
  if (answers.length === 0) return [];
  const done = new SharedArrayBuffer(4);
  const counter = new Int32Array(done);
  // it needs nothing of this process: neither its environment nor its options
  const thread = new Worker(PROGRAM, {
    eval: true,
    env: {},
    execArgv: [],
    workerData: { pattern, flags, answers, done },
  });
  let beat: NodeJS.Timeout | undefined;
  try {
    return await new Promise<boolean[]>((resolve, reject) => {
      thread.once('message', (hits: Uint8Array) => resolve(Array.from(hits, (hit) => hit === 1)));
      thread.once('error', reject);
      thread.once('exit', () => reject(new Error('the thread that matches answers ended by itself')));
      let seen = -1;
      let looks = 0;
      let still = 0;
      // looks are counted and not time: a process that was stopped for a while has not looked meanwhile
      beat = setInterval(() => {
        const now = Atomics.load(counter, 0);
        looks += 1;
        still = now === seen ? still + 1 : 0;
        seen = now;
        const stuck = still * LOOK_MS >= answerMs;
        if (!stuck && looks * LOOK_MS < allMs) return;
        const where = stuck
          ? `${answerMs / 1000} s on an answer of ${answers[now]?.length ?? 0} characters`
          : `${allMs / 1000} s on ${now} of ${answers.length} answers`;
        reject(
          new PatternTooSlow(
            `the pattern /${pattern}/${flags} took more than ${where}: it tries the same text over and over. Write it without ` +
              'a repetition within a repetition, such as `(a+)+`',
          ),
        );
      }, LOOK_MS);
    });
  } finally {
    clearInterval(beat);
    thread.removeAllListeners();
    await thread.terminate();
  }
}
