/**
 * An attempt's log in object storage: numbered segments, each created once and never changed, so that a request that was
 * delayed on the way can not take back a later one.
 *
 *     LOG/00000000      empty: put when the log is opened, which proves that it can be written, and by whom
 *     LOG/00000001 …    the lines of a quarter of a second
 *     LOG/whole         all lines, put when the log is closed, so that reading it is one request
 *
 * Object storage reserves nothing, so what a log is sure to take, whatever happens, is what memory takes. `room` bounds that:
 * a log that holds more lines than that which are not kept yet is not writable until they are.
 */
import { type AppendLog, LogUnwritable } from '../store';
import { unavailable } from '../unavailable';
import { named } from './address';
import type { Objects } from './objects';

const USUAL_ROOM = 64 * 1024;
/** Between the beginnings of two uploads. */
const UPLOAD_EVERY_MS = 250;
const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** How long closing goes on trying. */
const CLOSE_WITHIN_MS = 10_000;
/** A line that is not kept for longer is late. */
const MOST_BEHIND_MS = 1_000;
/** How long access may be refused, which is mostly a mistake, before that is said to be for good. */
const PATIENCE_MS = 5 * 60_000;

const WHOLE = 'whole';

/**
 * Begins a log in a folder, which ends in `/`. Throws `LogUnwritable` when there is one; a server that can not be reached is
 * waited for by `writable`.
 */
export async function openLog(
  objects: Pick<Objects, 'address' | 'create'>,
  folder: string,
  { room = USUAL_ROOM }: { room?: number } = {},
): Promise<AppendLog> {
  const log = new S3Log(objects, folder, named(objects.address, folder.slice(0, -1)), room);
  await log.open();
  return log;
}

/** The complete lines of a log. `keys`: of what is in its folder, in their order. */
export async function readLog(
  objects: Objects,
  folder: string,
  keys: readonly string[],
  read: (keys: string[]) => Promise<(string | null)[]>,
): Promise<string[]> {
  const whole = keys.includes(folder + WHOLE) ? await objects.text(folder + WHOLE) : null;
  if (whole !== null) return linesOf(whole);
  const texts = await read(keys.filter((key) => key !== folder + WHOLE));
  return texts.flatMap((text) => linesOf(text ?? ''));
}

interface Trouble {
  reason: string;
  /** Since when access is refused; null for what waiting mends. */
  refusedSince: number | null;
}

class S3Log implements AppendLog {
  /** Of the next segment; 0 is the empty one with which the log begins. */
  private next = 0;
  /** All lines, which one object takes in the end; how many are kept, and when the first was taken that is not. */
  private readonly all: string[] = [];
  private kept = 0;
  private behindSince = 0;
  /** Bytes of lines that are not kept. */
  private held = 0;
  private problem: Trouble | null = null;
  private broken: LogUnwritable | null = null;
  private closing: Promise<void> | null = null;
  /** The uploads under way; one after the other. */
  private running: Promise<void> | null = null;
  private lastUpload = -Infinity;
  /** Who waits for the end of an upload, and what ends the pause after one that failed. */
  private waiting: (() => void)[] = [];
  private goOn: () => void = () => undefined;

  constructor(
    private readonly objects: Pick<Objects, 'create'>,
    private readonly folder: string,
    private readonly place: string,
    private readonly room: number,
  ) {}

  get trouble(): string | null {
    if (this.broken !== null) return this.broken.message;
    if (this.problem !== null) return this.problem.reason;
    if (this.isAllKept()) return null;
    if (this.held > this.room) return `${this.place}: ${this.held} bytes are still to be uploaded`;
    return performance.now() - this.behindSince > MOST_BEHIND_MS ? `${this.place}: uploading takes long` : null;
  }

  /** Puts the first segment, or begins to wait until that can be done. */
  async open(): Promise<void> {
    this.run();
    await this.uploadEnded();
    if (this.broken !== null) throw this.broken;
  }

  append(line: string): void {
    if (this.broken !== null) throw this.broken;
    if (this.closing !== null) throw this.unwritable('it is closed');
    if (this.isAllKept()) this.behindSince = performance.now();
    this.all.push(line);
    this.held += Buffer.byteLength(line) + 1;
    this.run();
  }

  async writable(signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.broken !== null) throw this.broken;
      if (this.closing !== null) throw this.unwritable('it is closed');
      if (this.trouble === null) return;
      await this.uploadEnded(signal);
    }
  }

  close(): Promise<void> {
    return (this.closing ??= this.finish());
  }

  private async finish(): Promise<void> {
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), CLOSE_WITHIN_MS);
    this.goOn();
    while (!this.isAllKept() && this.broken === null && !over.signal.aborted) await this.uploadEnded(over.signal);
    clearTimeout(timer);
    if (!this.isAllKept()) throw (this.broken ??= this.unwritable(this.problem?.reason ?? 'it is not taken'));
    // more than one segment with lines: readers get them as one. Should this fail, the segments are there
    if (this.next > 2) await this.objects.create(this.folder + WHOLE, textOf(this.all)).catch(() => undefined);
  }

  private isAllKept(): boolean {
    return this.next > 0 && this.kept === this.all.length;
  }

  /** Until the upload that is under way succeeds or fails, or the signal is aborted. */
  private async uploadEnded(signal?: AbortSignal): Promise<void> {
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    this.waiting.push(end);
    signal?.addEventListener('abort', end, { once: true });
    await ended;
    signal?.removeEventListener('abort', end);
  }

  private run(): void {
    this.running ??= this.uploads().finally(() => {
      this.running = null;
      if (!this.isAllKept() && this.broken === null) this.run();
    });
  }

  /** One segment after the other. What can not be written now is kept and tried again, until the log is given up. */
  private async uploads(): Promise<void> {
    for (let pause = PAUSE_MS; this.broken === null && !this.isAllKept();) {
      await this.pause(this.lastUpload + UPLOAD_EVERY_MS - performance.now());
      try {
        await this.upload();
        this.ended(null);
        pause = PAUSE_MS;
      } catch (error) {
        this.ended(error);
        await this.pause(pause);
        pause = this.closing === null ? Math.min(2 * pause, LONGEST_PAUSE_MS) : PAUSE_MS;
      }
    }
  }

  private async upload(): Promise<void> {
    this.lastUpload = performance.now();
    const until = this.next === 0 ? 0 : this.all.length;
    const text = textOf(this.all.slice(this.kept, until));
    if (await this.objects.create(segment(this.folder, this.next), text)) {
      this.next += 1;
      this.kept = until;
      this.held -= Buffer.byteLength(text);
      // what was taken since was so at the earliest when this upload began
      this.behindSince = this.lastUpload;
    } else this.broken = this.unwritable('it is there already, or somebody else writes to it');
  }

  private ended(error: unknown): void {
    if (error === null) this.problem = null;
    else {
      const now = performance.now();
      const waits = unavailable(error)?.waits === true;
      const refusedSince = waits ? null : (this.problem?.refusedSince ?? now);
      this.problem = { reason: (error as Error).message, refusedSince };
      if (refusedSince !== null && now - refusedSince > PATIENCE_MS)
        this.broken = new LogUnwritable(this.problem.reason, { cause: error });
    }
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Closing ends it. */
  private async pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.goOn = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private unwritable(why: string): LogUnwritable {
    return new LogUnwritable(`${this.place}: ${why}`);
  }
}

function segment(folder: string, number: number): string {
  return folder + String(number).padStart(8, '0');
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1); // '' after the last newline, or a torn line
}
