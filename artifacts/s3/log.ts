/**
 * An attempt's log in object storage: numbered segments, each created once and never changed, so that a request that was
 * delayed on the way can not take back a later one.
 *
 *     LOG/00000000      empty: put when the log is opened, which proves that it can be written, and by whom
 *     LOG/00000001 …    the lines of a quarter of a second
 *     LOG/whole         all lines, put when the log is closed, so that reading it is one request
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppendLog, LogUnwritable } from '../store';
import { isRefused, reasonOf } from './errors';
import { named } from './address';
import type { Objects } from './objects';

/** Between the beginnings of two uploads. */
const UPLOAD_EVERY_MS = 250;
const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** How long closing goes on trying. */
const CLOSING_MS = 10_000;
/** A line that is not kept for longer is late. */
const KEPT_WITHIN_MS = 1_000;
/** How long access may be refused until somebody has to be told. */
const REFUSED_MS = 300_000;

const WHOLE = 'whole';

/**
 * Begins a log in a folder, which ends in `/`. Throws `LogUnwritable` when there is one; a server that can not be reached is
 * waited for by `writable`.
 */
export async function openLog(objects: Objects, folder: string): Promise<AppendLog & WritableLog> {
  const place = named(objects.address, folder.slice(0, -1));
  const log = new S3Log(objects, folder, place);
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

export interface WritableLog {
  /**
   * Resolves when no write is failing and everything taken more than a second ago is kept; at once when all is well. Waits for
   * what mends itself or is mended by somebody; rejects with `LogUnwritable` when somebody else writes to the log, or access has
   * been refused for five minutes; and with the signal's reason.
   */
  writable(signal?: AbortSignal): Promise<void>;
  /** Why `writable` would wait now; null when all is well. */
  readonly trouble: string | null;
}

class S3Log implements AppendLog, WritableLog {
  /** Of the next segment; 0 is the empty one with which the log begins. */
  private next = 0;
  /** All lines, which one object takes in the end, and when the first that is not kept was taken. */
  private readonly all: string[] = [];
  private kept = 0;
  private waitingSince = 0;
  private broken: LogUnwritable | null = null;
  private closed = false;
  private writing: Promise<void> | null = null;
  private lastUpload = 0;
  private waiting: (() => void)[] = [];
  /** What failed last, and since when access is refused; null from the next success on. */
  private failure: unknown = null;
  private refusedSince: number | null = null;

  constructor(
    private readonly objects: Objects,
    private readonly folder: string,
    private readonly place: string,
  ) {}

  get trouble(): string | null {
    if (this.failure !== null) return reasonOf(this.failure);
    const late = this.kept < this.all.length && performance.now() - this.waitingSince > KEPT_WITHIN_MS;
    return late ? `${this.place} takes long` : null;
  }

  /** Puts the first segment, or begins to wait until that can be done. */
  async open(): Promise<void> {
    this.write();
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.broken !== null) throw this.broken;
  }

  append(line: string): void {
    if (this.broken !== null) throw this.broken;
    if (this.closed) {
      this.broken = new LogUnwritable(`${this.place}: it is closed`);
      throw this.broken;
    }
    if (this.kept === this.all.length) this.waitingSince = performance.now();
    this.all.push(line);
    this.write();
  }

  async writable(signal?: AbortSignal): Promise<void> {
    await this.waitUntil(() => this.trouble === null, signal);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    try {
      await this.waitUntil(() => this.isAllKept(), AbortSignal.timeout(CLOSING_MS));
    } catch (error) {
      this.broken ??= this.unwritable(this.failure ?? error);
      throw this.broken;
    }
    // more than one segment with lines: readers get them as one. Should this fail, the segments are there
    if (this.next > 2) await this.objects.create(this.folder + WHOLE, textOf(this.all)).catch(() => undefined);
  }

  private isAllKept(): boolean {
    return this.next > 0 && this.kept === this.all.length;
  }

  private async waitUntil(good: () => boolean, signal?: AbortSignal): Promise<void> {
    let onAbort: () => void = () => undefined;
    const aborted = new Promise<void>((resolve) => (onAbort = resolve));
    signal?.addEventListener('abort', onAbort);
    try {
      for (;;) {
        if (this.broken !== null) throw this.broken;
        if (good()) return;
        signal?.throwIfAborted();
        await Promise.race([aborted, new Promise<void>((resolve) => this.waiting.push(resolve))]);
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  private write(): void {
    this.writing ??= this.upload().finally(() => {
      this.writing = null;
      if (!this.isAllKept() && this.broken === null) this.write();
    });
  }

  /** One segment after the other. What can not be written now is kept and tried again, until the log is given up. */
  private async upload(): Promise<void> {
    for (let pause = PAUSE_MS; this.broken === null && !this.isAllKept();) {
      await sleep(this.lastUpload + UPLOAD_EVERY_MS - performance.now());
      this.lastUpload = performance.now();
      const until = this.next === 0 ? 0 : this.all.length;
      const text = textOf(this.all.slice(this.kept, until));
      try {
        if (await this.objects.create(segment(this.folder, this.next), text)) {
          this.next += 1;
          this.kept = until;
          this.waitingSince = this.lastUpload;
        } else this.broken = this.unwritable(new Error('it is there already, or somebody else writes to it'));
        this.told(null);
        pause = PAUSE_MS;
      } catch (error) {
        this.told(error);
        await sleep(pause);
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      }
    }
  }

  private told(failure: unknown): void {
    this.failure = failure;
    const refused = failure !== null && isRefused((failure as Error).cause);
    this.refusedSince = refused ? (this.refusedSince ?? performance.now()) : null;
    if (this.refusedSince !== null && performance.now() - this.refusedSince > REFUSED_MS)
      this.broken = this.unwritable(failure);
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private unwritable(error: unknown): LogUnwritable {
    return new LogUnwritable(`${this.place}: ${reasonOf(error)}`, { cause: error });
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
