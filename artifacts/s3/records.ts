/**
 * Records that are appended to, in object storage, where nothing can be: a folder of small objects beside the record, each
 * the lines that one process had to add, created once and never changed. So no number of shards and workers wait for each
 * other, and an append costs no reading.
 *
 *     spending/NAME                                    what was written as a whole, if anything
 *     spending/NAME.lines/000001764489600000-UUID      lines, by the time of the clock of whoever added them
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Objects } from './objects';

/** Between two objects of one process: lines that come meanwhile go together. */
const APPEND_EVERY_MS = 1_000;
const READ_AT_ONCE = 16;
const TIME_DIGITS = 18;

export class Records {
  /** Lines that wait for the next object, by the record's key. */
  private readonly waiting = new Map<string, { lines: string[]; kept: Promise<void> }>();
  /** When the last object of a record was put, on a clock that is never set. */
  private readonly last = new Map<string, number>();
  /** The texts of objects that were read: they never change. */
  private readonly known = new Map<string, string>();

  constructor(
    private readonly objects: Objects,
    private readonly everyMs = APPEND_EVERY_MS,
  ) {}

  /** Resolves when the line is kept, a second later at most unless the store is slow; rejects when it could not be. */
  append(key: string, line: string): Promise<void> {
    const whole = line.endsWith('\n') ? line : `${line}\n`;
    const open = this.waiting.get(key);
    if (open !== undefined) {
      open.lines.push(whole);
      return open.kept;
    }
    const lines = [whole];
    const kept = this.put(key, lines);
    this.waiting.set(key, { lines, kept });
    return kept;
  }

  /** Null when there is neither a record nor a line. Half a last line of a part does not swallow the next part. */
  async read(key: string): Promise<string | null> {
    const parts: string[] = [];
    for await (const { key: part } of this.objects.list(linesFolder(key))) parts.push(part);
    const texts = await pLimit(READ_AT_ONCE).map(parts, async (part) => this.part(part));
    const found = [await this.objects.text(key), ...texts].filter((text) => text !== null);
    if (found.length === 0) return null;
    return found.map((text, index) => (index < found.length - 1 && !/\n$|^$/.test(text) ? `${text}\n` : text)).join('');
  }

  private async put(key: string, lines: string[]): Promise<void> {
    const since = this.last.get(key);
    await sleep(since === undefined ? 0 : since + this.everyMs - performance.now());
    this.last.set(key, performance.now());
    this.waiting.delete(key); // what comes from now on is for the next one
    const time = String(Date.now()).padStart(TIME_DIGITS, '0');
    await this.objects.put(`${linesFolder(key)}${time}-${randomUUID()}`, lines.join(''));
  }

  private async part(key: string): Promise<string | null> {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const text = await this.objects.text(key);
    if (text !== null) this.known.set(key, text);
    return text;
  }
}

/** Ends in `/`. */
function linesFolder(key: string): string {
  return `${key}.lines/`;
}
