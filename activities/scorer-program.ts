/**
 * A scorer of the experiment's own as a process: answers in on stdin, scores out on stdout, ended with all that it started
 * when it takes too long, and when the worker is gone.
 */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { z } from 'zod';

/**
 * Runs a program and ends with it, as `guard.py` does for trainers; a scorer needs no Python. Descriptor 3 is the end of a pipe whose
 * other end the worker holds: when that is gone, however it went, the whole process group is killed.
 */
const GUARD = `
const [program, ...words] = process.argv.slice(1);
const gone = () => process.kill(0, 'SIGKILL');
new (require('node:net').Socket)({ fd: 3, readable: true }).on('error', gone).on('close', gone).resume();
const child = require('node:child_process').spawn(program, words, { stdio: ['inherit', 'inherit', 'inherit'] });
child.once('error', (error) => {
  process.stderr.write(program + ' can not be started: ' + error.message, () => process.exit(127));
});
child.once('exit', (code, signal) => (signal === null ? process.exit(code) : process.kill(process.pid, signal)));
`;

/** Program and arguments that run the command under its guard. It needs a pipe on descriptor 3 and a process group of its own. */
export function guarded(command: readonly string[]): [program: string, words: string[]] {
  return [process.execPath, ['-e', GUARD, '--', ...command]];
}

export interface ScorerRun {
  /** Without places: `{python}` is filled in. */
  command: readonly string[];
  folder: string;
  env: NodeJS.ProcessEnv;
  timeoutSeconds: number;
  signal: AbortSignal;
  onScored: (count: number) => void;
}

export interface ToScore {
  id: string;
  question: string;
  answer: string;
  /** Of the question, where the experiment file names some. */
  fields?: Record<string, unknown>;
}

/** It ended by itself before its work was done, was ended, or could not be started: another attempt may do better. */
export class ScorerDied extends Error {
  override name = 'ScorerDied';
}

/** It did its work otherwise than agreed. */
export class ScorerWrong extends Error {
  override name = 'ScorerWrong';
}

/** Characters of a line that a program writes: an id and a number. */
const LONGEST_LINE = 4_096;
/** Characters of its stderr that a message shows. */
const LAST_WORDS = 1_000;

const LINE = z.object({ id: z.string(), score: z.number().min(0).max(100).nullable() });

/** Scores by id, one for each of `items`. Throws `ScorerDied`, `ScorerWrong`, or the signal's reason. */
export async function runScorer(run: ScorerRun, items: readonly ToScore[]): Promise<Map<string, number | null>> {
  const { command, folder, env, timeoutSeconds, signal, onScored } = run;
  const name = command.join(' ');
  const [program, words] = guarded(command);
  const left = new Set(items.map(({ id }) => id));
  const scores = new Map<string, number | null>();
  signal.throwIfAborted();
  const child = spawn(program, words, {
    ...{ cwd: folder, env, detached: true },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const killGroup = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  let lastWords = '';
  let ended: Error | null = null;
  const end = (reason: Error): void => {
    ended ??= reason;
    killGroup();
  };
  const timer = setTimeout(
    () => end(new ScorerDied(`${name} took longer than ${timeoutSeconds} s; ${progress(scores.size, items.length)}`)),
    timeoutSeconds * 1000,
  );
  const abort = (): void => end(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  const take = (line: string, whole: boolean): void => {
    if (line.trim() === '') return;
    try {
      const { id, score } = readLine(name, line, whole);
      if (!left.delete(id)) {
        throw new ScorerWrong(
          `${name} scored ${id}${scores.has(id) ? ' twice' : ', which is no answer that it was given'}`,
        );
      }
      scores.set(id, score);
      onScored(scores.size);
    } catch (error) {
      end(error as Error);
    }
  };
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) if (ended === null) take(line, true);
    if (rest.length > LONGEST_LINE)
      end(new ScorerWrong(`${name} wrote a line of more than ${LONGEST_LINE} characters`));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (lastWords = (lastWords + text).slice(-LAST_WORDS)));
  // a program that has ended reads no more: its exit code says why
  child.stdin.on('error', () => undefined);
  // the guard ends with the program, and nothing is said through its pipe
  (child.stdio[3] as Writable | null)?.on('error', () => undefined);
  const line = ({ id, question, answer, fields }: ToScore): string =>
    JSON.stringify({ id, question, answer, fields }) + '\n';
  child.stdin.end(items.map(line).join(''));
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once('error', (error) => reject(new ScorerDied(`${name} can not be started: ${error.message}`)));
      child.once('close', (exit, ending) => resolve(exit ?? (ending as string)));
    });
    if (ended === null && rest !== '') take(rest, false);
    if (ended !== null) throw ended as Error;
    if (code !== 0) {
      const how = typeof code === 'number' ? `with exit code ${code}` : `by ${code}`;
      throw new ScorerDied(`${name} ended ${how}; ${progress(scores.size, items.length)}${said(lastWords)}`);
    }
    const [missing] = left;
    if (missing !== undefined) {
      throw new ScorerWrong(
        `${name} gave no score for ${left.size} of ${items.length} answers, ${missing} among them (null says that there is none)${said(lastWords)}`,
      );
    }
    return scores;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    killGroup(); // whatever it started and left behind
  }
}

function readLine(name: string, line: string, whole: boolean): z.infer<typeof LINE> {
  const shown = line.length > 200 ? `${line.slice(0, 200)}…` : line;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw whole
      ? new ScorerWrong(`${name} wrote a line that is no JSON: ${shown} (what is for people goes to stderr)`)
      : new ScorerDied(`${name} ended in the middle of a line: ${shown}`);
  }
  const read = LINE.safeParse(value);
  if (read.success) return read.data;
  throw new ScorerWrong(`${name} wrote ${shown}: expected {"id": …, "score": a number from 0 to 100, or null}`);
}

function progress(scored: number, all: number): string {
  return `${scored} of ${all} answers were scored`;
}

function said(lastWords: string): string {
  return lastWords.trim() === '' ? '' : `. It said: ${lastWords.trim()}`;
}
