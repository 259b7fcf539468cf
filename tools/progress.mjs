/**
 * Steps with progress for people: a line when one starts, a sign of life every half minute, a line with its seconds when
 * it ends. What the programs themselves print goes to a log file, whose end is shown when one fails.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const { cacheFolder } = require('./locations.cjs');
const { environmentFor } = require('./environments.cjs');
const { acquire } = require('./lock.cjs');

const SIGN_OF_LIFE_MS = 30_000;
const TAIL_LINES = 15;

/** A failure that names its remedy. */
export class SetUpError extends Error {
  constructor(message, remedy) {
    super(message);
    this.name = 'SetUpError';
    this.remedy = remedy;
  }
}

export class Progress {
  constructor({ quiet = false } = {}) {
    this.quiet = quiet;
  }

  /** Says that something is there already; silent when quiet. */
  present(what) {
    if (!this.quiet) this.line('ok', what);
  }

  note(what) {
    this.line('', what);
  }

  /** Makes a part that is not `present`, one process at a time; who waited finds it made and does nothing. */
  async ensure(what, { lock, present, make }) {
    if (present()) return this.present(what);
    const release = await acquire(join(cacheFolder(), 'locks', lock), (holder) => {
      this.note(
        `${what}: waiting for another set-up${holder === null ? '' : ` (process ${holder.pid} on ${holder.host})`}`,
      );
    });
    try {
      if (present()) this.present(what);
      else await make();
    } finally {
      release();
    }
  }

  /** Runs `work`, saying when it starts, that it still runs, and how long it took. */
  async step(what, work) {
    const started = performance.now();
    const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
    this.line('...', what);
    const alive = setInterval(
      () => this.line('...', `${what} (${Math.round(Number(seconds()))} s so far)`),
      SIGN_OF_LIFE_MS,
    );
    try {
      const result = await work();
      this.line('done', `${what} (${seconds()} s)`);
      return result;
    } catch (error) {
      this.line('FAIL', `${what} (after ${seconds()} s)`);
      throw error;
    } finally {
      clearInterval(alive);
    }
  }

  line(mark, text) {
    process.stderr.write(`${mark.padStart(6)}  ${text}\n`);
  }
}

const running = new Set();

/** What the programs of set-up are given of the environment: no key and no token, whatever they download runs with it. */
export function installerEnvironment() {
  return environmentFor('installer', process.env);
}

/** Runs a program to its end with its output in a log file; fails with the output's end and the log's path. */
export async function runLogged(command, args, { cwd, env = installerEnvironment(), log, remedy }) {
  mkdirSync(dirname(log), { recursive: true });
  const file = createWriteStream(log);
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.stdout.pipe(file, { end: false });
  child.stderr.pipe(file, { end: false });
  try {
    const [code, signal] = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (...how) => resolve(how));
    });
    await new Promise((resolve) => file.end(resolve));
    if (code === 0) return;
    const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n    ');
    throw new SetUpError(
      `${command} ${args.slice(0, 2).join(' ')} ended with ${signal ?? `code ${code}`}; the end of ${log}:\n    ${tail}`,
      remedy,
    );
  } finally {
    running.delete(child);
  }
}

/** Asks every program that still runs to end, when set-up itself is interrupted. */
export function stopRunning() {
  for (const child of running) child.kill('SIGTERM');
}
