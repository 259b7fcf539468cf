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
import { reasonOf } from './errors';
import { named } from './address';
import type { Objects } from './objects';

/** Between the beginnings of two uploads. */
const UPLOAD_EVERY_MS = 250;
const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** How long closing goes on trying; the SDK's own tries come on top. */
const CLOSING_MS = 60_000;

const WHOLE = 'whole';

/** Begins a log in a folder, which ends in `/`. Throws `LogUnwritable`, also when there is one. */
export async function openLog(objects: Objects, folder: string): Promise<AppendLog & WritableLog> {
  const place = named(objects.address, folder.slice(0, -1));
  let created: boolean;
  try {
    created = await objects.create(segment(folder, 0), '');
  } catch (error) {
    throw new LogUnwritable(`${place}: ${reasonOf(error)}`, { cause: error });
  }
  if (!created) throw new LogUnwritable(`${place}: it is there already`);
  return new S3Log(objects, folder, place);
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

interface WritableLog {
  /**
   * Resolves when everything taken so far is kept. Waits out whatever passes by itself; rejects with `LogUnwritable` for what
   * does not, and with the signal's reason when that is aborted first.
   */
  writable(signal?: AbortSignal): Promise<void>;
}

class S3Log implements AppendLog, WritableLog {
  private next = 1;
  /** All lines, which one object takes in the end. */
  private readonly all: string[] = [];
  /** How many of them are kept. */
  private kept = 0;
  private broken: LogUnwritable | null = null;
  private closed = false;
  private writing: Promise<void> | null = null;
  private lastUpload = 0;
  private waiting: (() => void)[] = [];
  /** The last failure, until a write succeeds. */
  private trouble: unknown = null;

  constructor(
    private readonly objects: Objects,
    private readonly folder: string,
    private readonly place: string,
  ) {}

  append(line: string): void {
    if (this.broken !== null) throw this.broken;
    if (this.closed) {
      this.broken = new LogUnwritable(`${this.place}: it is closed`);
      throw this.broken;
    }
    this.all.push(line);
    this.write();
  }

  async writable(signal?: AbortSignal): Promise<void> {
    const wanted = this.all.length;
    let stop: (() => void) | undefined;
    const aborted = new Promise<void>((resolve) => {
      stop = resolve;
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
    try {
      while (this.kept < wanted || this.trouble !== null) {
        signal?.throwIfAborted();
        if (this.broken !== null) throw this.broken;
        this.write();
        await Promise.race([aborted, new Promise<void>((resolve) => this.waiting.push(resolve))]);
      }
      if (this.broken !== null) throw this.broken;
    } finally {
      stop?.();
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const deadline = AbortSignal.timeout(CLOSING_MS);
    try {
      await this.writable(deadline);
    } catch (error) {
      if (this.broken === null) this.broken = this.unwritable(this.trouble ?? error);
      throw this.broken;
    }
    // more than one segment with lines: readers get them as one. Should this fail, the segments are there
    if (this.next > 2) await this.objects.create(this.folder + WHOLE, textOf(this.all)).catch(() => undefined);
  }

  private write(): void {
    this.writing ??= this.upload().finally(() => {
      this.writing = null;
      if (this.kept < this.all.length && this.broken === null) this.write();
    });
  }

  /** One segment. Lines that can not be taken now are kept and tried again, until the log is given up. */
  private async upload(): Promise<void> {
    await sleep(this.lastUpload + UPLOAD_EVERY_MS - Date.now());
    for (let pause = PAUSE_MS; this.broken === null; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      this.lastUpload = Date.now();
      const until = this.all.length;
      if (until === this.kept) return this.told(null);
      try {
        const created = await this.objects.create(
          segment(this.folder, this.next),
          textOf(this.all.slice(this.kept, until)),
        );
        if (!created) this.broken = this.unwritable(new Error('somebody else writes to it'));
        else {
          this.next += 1;
          this.kept = until;
        }
        return this.told(null);
      } catch (error) {
        this.told(error);
        await sleep(pause);
      }
    }
  }

  private told(trouble: unknown): void {
    this.trouble = trouble;
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
