/**
 * The trainer: one long-lived Python process per GPU worker, which keeps the base model loaded between operations.
 *
 * It lives in a process group of its own, so that a Ctrl-C at the terminal reaches it only through the worker, and ends
 * by itself when the worker dies (its command pipe closes). It is started when the first operation needs it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { PRIVATE_FILE, privateFolderSync } from '../../artifacts/private-files';
import { readEvent } from './read-event';
import type { OperationCommand, TrainerEvent } from './protocol';

export interface TrainerOptions {
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  /** The process' working folder; default: this process' own. */
  cwd?: string;
  /** Receives the trainer's stdout and stderr. */
  logFile: string;
  /** Milliseconds until `ready`; importing torch from a cold disk takes half a minute. */
  readyDeadlineMs?: number;
  /** Sees what the trainer says of its operations, for metrics. */
  watch?: (event: OperationEvent) => void;
}

export type Ready = Extract<TrainerEvent, { event: 'ready' }>;
export type OperationEvent = Exclude<TrainerEvent, Ready>;
export type TerminalEvent = Extract<TrainerEvent, { event: 'committed' | 'stopped' | 'failed' }>;
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
export type Operation = WithoutId<OperationCommand>;

/** The process ended in the middle of an operation, or never became ready. */
export class TrainerDied extends Error {
  override name = 'TrainerDied';
}

export class TrainerProcess {
  private nextId = 1;
  private current: {
    id: number;
    onEvent: (event: OperationEvent) => void;
    settle: (end: TerminalEvent | Error) => void;
  } | null = null;
  private readonly gone: Promise<string>;
  /** Why it was killed, when it wrote what is no event. */
  private broken: string | null = null;
  /** Set when the process has ended. */
  ended: string | null = null;

  private constructor(
    private readonly child: ChildProcess,
    private readonly logFile: string,
    private readonly watch: (event: OperationEvent) => void,
    readonly ready: Ready,
    lines: AsyncIterable<string>,
  ) {
    this.gone = new Promise((resolve) => {
      const over = (how: string): void => {
        this.ended = how = this.broken === null ? how : `was killed: ${this.broken}`;
        this.current?.settle(this.died(how));
        resolve(how);
      };
      if (child.exitCode !== null || child.signalCode !== null) over(exitText(child.exitCode, child.signalCode));
      else child.once('close', (code, signal) => over(exitText(code, signal)));
    });
    void this.listen(lines);
  }

  static async start(options: TrainerOptions): Promise<TrainerProcess> {
    privateFolderSync(dirname(options.logFile));
    const log = openSync(options.logFile, 'a', PRIVATE_FILE);
    const child = spawn(options.command, options.args, {
      env: options.env,
      cwd: options.cwd,
      detached: true,
      stdio: ['ignore', log, log, 'pipe', 'pipe'],
    });
    closeSync(log);
    // commands to a dead trainer end in EPIPE; the process' end is what counts and is awaited elsewhere
    (child.stdio[3] as Writable).on('error', () => undefined);
    const lines = createInterface({ input: child.stdio[4] as Readable })[Symbol.asyncIterator]();
    const deadlineMs = options.readyDeadlineMs ?? 300_000;
    let timer: NodeJS.Timeout | undefined;
    try {
      const first = await Promise.race([
        lines.next(),
        new Promise<never>((_, reject) => child.once('error', reject)),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs / 1000} s`)), deadlineMs);
        }),
      ]);
      if (first.done === true) throw new Error('it ended at once');
      const ready = readEvent(first.value);
      if (ready.event !== 'ready') throw new Error(`its first event was ${ready.event}`);
      const watch = options.watch ?? (() => undefined);
      return new TrainerProcess(child, options.logFile, watch, ready, { [Symbol.asyncIterator]: () => lines });
    } catch (error) {
      if (child.pid !== undefined) killGroup(child.pid, 'SIGKILL');
      throw new TrainerDied(`the trainer did not start: ${(error as Error).message}; its log: ${options.logFile}`);
    } finally {
      clearTimeout(timer);
    }
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Runs one operation at a time; resolves with its last event, rejects with `TrainerDied`. */
  async run(operation: Operation, onEvent: (event: OperationEvent) => void): Promise<TerminalEvent> {
    if (this.current !== null) throw new Error('the trainer is in the middle of an operation');
    if (this.ended !== null) throw this.died(this.ended);
    const id = this.nextId++;
    try {
      return await new Promise<TerminalEvent>((resolve, reject) => {
        this.current = { id, onEvent, settle: (end) => (end instanceof Error ? reject(end) : resolve(end)) };
        this.send({ ...operation, id });
      });
    } finally {
      this.current = null;
    }
  }

  /** Asks the running operation to stop after its present step; the operation ends with `stopped`. */
  stop(): void {
    if (this.ended === null) this.send({ op: 'stop' });
  }

  /** Asks the process to end, and kills it when it has not within `graceMs`. */
  async close(graceMs = 10_000): Promise<void> {
    if (this.ended === null) {
      this.send({ op: 'exit' });
      (this.child.stdio[3] as Writable).end();
    }
    const timer = setTimeout(() => this.kill(), graceMs);
    await this.gone;
    clearTimeout(timer);
  }

  kill(): void {
    if (this.ended === null) killGroup(this.pid, 'SIGKILL');
  }

  private send(command: object): void {
    (this.child.stdio[3] as Writable).write(JSON.stringify(command) + '\n');
  }

  private async listen(lines: AsyncIterable<string>): Promise<void> {
    for await (const line of lines) {
      // what it says after that can not be trusted either; it is read all the same, or the pipe would never close
      if (this.broken !== null) continue;
      let event: TrainerEvent;
      try {
        event = readEvent(line);
      } catch (error) {
        this.broken = (error as Error).message;
        this.kill();
        continue;
      }
      if (event.event === 'ready' || event.id !== this.current?.id) continue;
      this.watch(event);
      this.current.onEvent(event);
      if (event.event === 'committed' || event.event === 'stopped' || event.event === 'failed')
        this.current.settle(event);
    }
  }

  private died(how: string): TrainerDied {
    return new TrainerDied(`the trainer ${how}; its log: ${this.logFile}`);
  }
}

function exitText(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
