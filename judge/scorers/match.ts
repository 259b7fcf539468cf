/**
 * Regular expressions of experiment files, on answers of models: in a thread of its own, which is ended when one answer takes
 * too long. A pattern that backtracks without end so costs the answers that it does so on, and never holds a worker.
 */
import { Worker } from 'node:worker_threads';

export interface Pattern {
  pattern: string;
  flags: string;
}

/** Milliseconds. A pattern takes microseconds on an answer, but where it backtracks without end. */
interface Limits {
  /** On one answer. */
  answerMs: number;
  /** On all answers together; what is too much then, `matchSoon` and `matchAll` decide. */
  allMs: number;
}

/** For `matchSoon`, within the planning of a cell, which other work waits for. */
const SOON: Limits = { answerMs: 500, allMs: 3_000 };
/** For `matchAll`. */
const THOROUGH: Limits = { answerMs: 3_000, allMs: 30_000 };
/** Of one answer, once all of them together have taken longer than they may: a broken pattern meets every answer. Milliseconds. */
const LATE_ANSWER_MS = 250;
/** How often the thread is looked at. Milliseconds. */
const LOOK_MS = 50;

/** Plain JavaScript, so that it needs no file of its own. `at`: the answer that is tried; -1 before the first. */
const PROGRAM = `
const { workerData } = require('node:worker_threads');
const { pattern, flags, answers, first, at, hits } = workerData;
const counter = new Int32Array(at);
const found = new Uint8Array(hits);
const expression = new RegExp(pattern, flags + 'u');
for (let index = first; index < first + answers.length; index++) {
  Atomics.store(counter, 0, index);
  found[index] = expression.test(answers[index - first]) ? 1 : 0;
}
Atomics.store(counter, 0, first + answers.length);
`;

/** Whether the pattern matches somewhere in each of at most some thousand answers; null where that takes longer than it may. */
export async function matchSoon(
  pattern: Pattern,
  answers: readonly string[],
  { answerMs, allMs }: Limits = SOON,
): Promise<boolean[] | null> {
  const matching = new Matching(pattern, answers);
  const reached = await matching.from(0, (still, all) => still >= answerMs || all >= allMs);
  return reached < answers.length ? null : answers.map((_, index) => matching.isHit(index));
}

/** The same, and null for each answer on which the pattern took too long. Throws the signal's reason. */
export async function matchAll(
  pattern: Pattern,
  answers: readonly string[],
  { signal, onMatched }: { signal: AbortSignal; onMatched: (count: number) => void },
  { answerMs, allMs }: Limits = THOROUGH,
): Promise<(boolean | null)[]> {
  const matching = new Matching(pattern, answers);
  const tooSlow = new Set<number>();
  const isEnough: IsEnough = (still, all, at) => {
    signal.throwIfAborted();
    onMatched(at);
    return still >= (all >= allMs ? Math.min(answerMs, LATE_ANSWER_MS) : answerMs);
  };
  let reached = await matching.from(0, isEnough);
  while (reached < answers.length) {
    tooSlow.add(reached);
    reached = await matching.from(reached + 1, isEnough);
  }
  onMatched(answers.length);
  return answers.map((_, index) => (tooSlow.has(index) ? null : matching.isHit(index)));
}

/** Milliseconds of which the thread was on one answer, and on all so far; and which answer it is on. */
type IsEnough = (still: number, all: number, at: number) => boolean;

class Matching {
  private readonly hits: SharedArrayBuffer;
  private looks = 0;

  constructor(
    private readonly pattern: Pattern,
    private readonly answers: readonly string[],
  ) {
    this.hits = new SharedArrayBuffer(answers.length);
  }

  isHit(index: number): boolean {
    return new Uint8Array(this.hits)[index] === 1;
  }

  /** Tries the answers from `first` on, until it is enough. Returns the index of the one that it was on; their number at the end. */
  async from(first: number, isEnough: IsEnough): Promise<number> {
    const { pattern, hits } = this;
    const answers = this.answers.slice(first);
    if (answers.length === 0) return first;
    const at = new SharedArrayBuffer(4);
    const counter = new Int32Array(at).fill(-1);
    // it needs nothing of this process: neither its environment nor its options
    const thread = new Worker(PROGRAM, {
      eval: true,
      env: {},
      execArgv: [],
      workerData: { ...pattern, answers, first, at, hits },
    });
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<number>((resolve, reject) => {
        const end = first + answers.length;
        thread.once('error', reject);
        thread.once('exit', () => {
          if (Atomics.load(counter, 0) === end) resolve(end);
          else reject(new Error('the thread that matches answers ended by itself'));
        });
        let seen = -1;
        let still = 0;
        // looks are counted and not time: a process that was stopped for a while has not looked meanwhile
        timer = setInterval(() => {
          const now = Atomics.load(counter, 0);
          if (now === -1 || now === end) return; // it is being started, or ends
          this.looks += 1;
          still = now === seen ? still + 1 : 0;
          seen = now;
          try {
            if (isEnough(still * LOOK_MS, this.looks * LOOK_MS, now)) resolve(now);
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        }, LOOK_MS);
      });
    } finally {
      clearInterval(timer);
      thread.removeAllListeners();
      await thread.terminate();
    }
  }
}
