/**
 * A log in the local store: one synchronous write(2) a line, so that a killed process loses none, and syncs in groups: at
 * most one is under way, and the next covers all that was taken since.
 *
 * The room that a full disk must not take away is real bytes at the end of the file itself, zeros that lines overwrite. A
 * file beside it that is deleted in time of need would not do: whoever filled the disk takes what is freed. The zeros
 * are cut off when the log is closed; after a kill they stay, and readers pass over them (`linesOf`).
 */
import { close, closeSync, fdatasync, fstat, fsync, ftruncate, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { privateFolderSync } from '../private-files';
import { type AppendLog, LogUnwritable } from '../store';
import { unavailable } from '../unavailable';

const on = {
  close: promisify(close),
  sync: promisify(fsync),
  syncData: promisify(fdatasync),
  about: promisify(fstat),
  truncate: promisify(ftruncate),
};

const USUAL_ROOM = 64 * 1024;
/** What was taken longer ago than this has to be synced before more is paid for. */
const MOST_BEHIND_MS = 1_000;
const AGAIN_MS = 250;
/** How long access may be refused, which is mostly a mistake, before that is said to be for good. */
const PATIENCE_MS = 5 * 60_000;
const CLOSE_WITHIN_MS = 10_000;

/** The whole lines of a log's text: without half a last line, and without what was reserved and never written. */
export function linesOf(text: string): string[] {
  return text.replaceAll('\0', '').split('\n').slice(0, -1);
}

/** Throws `LogUnwritable` when something is there already. */
export function openLocalLog(
  path: string,
  modes: { folder: number; file: number },
  { room = USUAL_ROOM }: { room?: number } = {},
): AppendLog {
  return new LocalLog(path, modes, room);
}

interface Trouble {
  reason: string;
  since: number;
  waits: boolean;
}

class LocalLog implements AppendLog {
  private file: number | null = null;
  /** Lines that the kernel did not take yet. */
  private held: Buffer[] = [];
  /** Where the next line begins, and up to where lines are synced. */
  private end = 0;
  private synced = 0;
  /** Up to where the file has real bytes, and up to where these are synced. */
  private reserved = 0;
  private allocated = 0;
  /** When the oldest line was taken that is not synced; null without one. */
  private behindSince: number | null = null;
  private problem: Trouble | null = null;
  private broken: LogUnwritable | null = null;
  private closing: Promise<void> | null = null;
  /** The work under way that makes it writable; at most one. */
  private running: Promise<void> | null = null;
  private again: NodeJS.Timeout | null = null;
  /** The folder knows of the file, whatever happens to the machine. */
  private named = false;

  constructor(
    private readonly path: string,
    private readonly modes: { folder: number; file: number },
    private readonly room: number,
  ) {
    try {
      this.open();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw unwritable(path, error);
      this.failed(error);
    }
  }

  get trouble(): string | null {
    return this.broken?.message ?? this.problem?.reason ?? null;
  }

  append(line: string): void {
    if (this.broken !== null) throw this.broken;
    if (this.closing !== null) throw unwritable(this.path, new Error('it is closed'));
    this.behindSince ??= Date.now();
    this.held.push(Buffer.from(`${line}\n`));
    try {
      this.hand();
    } catch (error) {
      this.failed(error);
    }
    void this.run();
  }

  async writable(signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.broken !== null) throw this.broken;
      if (this.closing !== null) throw unwritable(this.path, new Error('it is closed'));
      if (this.proven()) return;
      await orAborted(this.problem === null ? this.run() : pause(AGAIN_MS).then(() => this.run()), signal);
    }
  }

  close(): Promise<void> {
    return (this.closing ??= this.finish());
  }

  private proven(): boolean {
    return (
      this.problem === null &&
      this.allocated - this.end >= this.room &&
      (this.behindSince === null || Date.now() - this.behindSince < MOST_BEHIND_MS)
    );
  }

  /** Syncs, and reserves, until nothing of that is left to do or something fails; the pass under way when there is one. */
  private run(): Promise<void> {
    return (this.running ??= this.passes().finally(() => (this.running = null)));
  }

  private async passes(): Promise<void> {
    try {
      while (this.held.length > 0 || this.synced < this.end || this.allocated < this.reserved || this.lacksRoom())
        await this.pass();
      this.problem = null;
    } catch (error) {
      this.failed(error);
      // for what is held; whoever waits, and the end, try by themselves
      if (this.broken === null && this.closing === null)
        this.again ??= setTimeout(() => this.retry(), AGAIN_MS).unref();
    }
  }

  private retry(): void {
    this.again = null;
    void this.run();
  }

  private async pass(): Promise<void> {
    this.open();
    const file = this.file as number;
    const since = Date.now();
    const refused = this.take(file);
    const { end, reserved } = this;
    await on.syncData(file);
    if (!this.named) await this.syncFolder();
    if ((await on.about(file)).nlink === 0) throw new Deleted('it was deleted while it was written');
    this.allocated = reserved;
    this.synced = end;
    this.behindSince = this.end > end || this.held.length > 0 ? since : null;
    if (refused !== null) throw refused;
  }

  /** Hands over what is held and reserves; what the system says when it does not take all of that. What it took is synced. */
  private take(file: number): Error | null {
    try {
      this.hand();
      if (!this.lacksRoom()) return null;
      // at once, so that no line comes in between; it is the sync that takes its time
      const from = Math.max(this.reserved, this.end);
      writeAll(file, Buffer.alloc(2 * this.room), from);
      this.reserved = from + 2 * this.room;
      return null;
    } catch (error) {
      return error as Error;
    }
  }

  private async syncFolder(): Promise<void> {
    const folder = openSync(dirname(this.path), 'r');
    try {
      await on.sync(folder);
      this.named = true;
    } finally {
      closeSync(folder);
    }
  }

  /** Begun before it is needed, so that nobody waits for it. */
  private lacksRoom(): boolean {
    return this.closing === null && this.reserved - this.end < 1.5 * this.room;
  }

  private open(): void {
    if (this.file !== null) return;
    privateFolderSync(dirname(this.path), this.modes.folder);
    this.file = openSync(this.path, 'wx', this.modes.file);
  }

  /** Gives held lines to the kernel in their order. A line that was taken in part begins anew at its place. */
  private hand(): void {
    for (let next = this.held[0]; next !== undefined && this.file !== null; next = this.held[0]) {
      writeAll(this.file, next, this.end);
      this.end += next.length;
      this.held.shift();
    }
  }

  private failed(error: unknown): void {
    if (error instanceof Deleted || (error as NodeJS.ErrnoException).code === 'EEXIST') {
      this.broken ??= unwritable(this.path, error);
      return;
    }
    const waits = unavailable(error)?.waits === true;
    const since = this.problem?.since ?? Date.now();
    this.problem = { reason: unwritable(this.path, error).message, since, waits };
    if (!waits && Date.now() - since > PATIENCE_MS) this.broken = unwritable(this.path, error);
  }

  private async finish(): Promise<void> {
    const until = Date.now() + CLOSE_WITHIN_MS;
    try {
      for (;;) {
        await this.run();
        if (this.held.length === 0 && this.synced === this.end) break;
        if (this.broken !== null) throw this.broken;
        if (Date.now() > until) throw unwritable(this.path, new Error(this.problem?.reason ?? 'it is not taken'));
        await pause(AGAIN_MS);
      }
      if (this.file !== null) {
        await on.truncate(this.file, this.end);
        await on.sync(this.file);
      }
    } finally {
      const { file } = this;
      this.file = null;
      if (file !== null) await on.close(file);
    }
  }
}

class Deleted extends Error {}

function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** As `work` ends, or with the signal's reason once it is aborted. */
async function orAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  let abort = (): void => undefined;
  const aborted = new Promise<void>((resolve) => (abort = resolve));
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
  signal.throwIfAborted();
}

function unwritable(path: string, error: unknown): LogUnwritable {
  return new LogUnwritable(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
