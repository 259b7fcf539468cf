/**
 * What a program of the experiment's own says: lines of progress for us, everything for its log.
 *
 * A line on its stdout that is a JSON object with a whole number `step` is progress; it may have `of`, `loss`,
 * `learning_rate`, `grad_norm`, `tokens_per_second`, `memory_bytes`, and `checkpoint: true` when one of that step is
 * whole. All other lines are log.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProgressLine {
  step: number;
  /** Steps in all, where the program knows them and nobody else does. */
  of?: number;
  loss?: number;
  learningRate?: number;
  gradNorm?: number;
  tokensPerSecond?: number;
  memoryBytes?: number;
  checkpoint: boolean;
}

/** A program that logs without end must not fill the store's disk. */
const MOST_LOG_BYTES = 32 * 1024 * 1024;
/** So long we read what is still in the pipes; a helper process that the program left behind can keep them open for ever. */
const END_GRACE_MS = 5_000;
/** Shorter values would blot out half of the log, and are no secrets. */
const SHORTEST_SECRET = 6;

const NUMBERS = {
  of: 'of',
  loss: 'loss',
  learning_rate: 'learningRate',
  grad_norm: 'gradNorm',
  tokens_per_second: 'tokensPerSecond',
  memory_bytes: 'memoryBytes',
} as const;

export function progressOf(line: string): ProgressLine | null {
  if (!line.startsWith('{')) return null;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  const fields = value as Record<string, unknown>;
  const { step } = fields;
  if (typeof step !== 'number' || !Number.isSafeInteger(step) || step < 0) return null;
  const numbers = Object.entries(NUMBERS).flatMap(([written, name]) => {
    const number = fields[written];
    return typeof number === 'number' && Number.isFinite(number) ? [[name, number] as const] : [];
  });
  return { step, checkpoint: fields['checkpoint'] === true, ...Object.fromEntries(numbers) };
}

/** Where the values of variables stand in a text, their names do; the log lies in the store. */
export function redactor(values: Record<string, string>): (text: string) => string {
  const secrets = Object.entries(values)
    .filter(([, value]) => value.length >= SHORTEST_SECRET)
    .sort(([, a], [, b]) => b.length - a.length);
  return (text) => secrets.reduce((rest, [name, value]) => rest.replaceAll(value, `[${name}]`), text);
}

/** Reads both streams line by line; `onLine` for every line, `onProgress` for those that are. */
export class Output {
  private readonly log: WriteStream;
  private readonly readers: { stream: Readable; lines: Interface }[];
  private readonly ends: Promise<void>[];
  private written = 0;
  /** The last lines, for the message of a failure. */
  readonly last: string[] = [];

  constructor(
    { stdout, stderr }: { stdout: Readable; stderr: Readable },
    logFile: string,
    redact: (text: string) => string,
    on: { line: () => void; progress: (line: ProgressLine) => void },
  ) {
    this.log = createWriteStream(logFile, { flags: 'a' });
    this.log.on('error', () => undefined); // `end` tells of it
    this.readers = [stdout, stderr].map((stream) => ({ stream, lines: createInterface({ input: stream }) }));
    this.ends = this.readers.map(({ stream, lines }) => this.read(lines, redact, on, stream === stdout));
  }

  /**
   * After the program's end: when both streams have ended, or were cut off, and the log is written. Throws what kept it
   * from that, such as a full disk.
   */
  async end(): Promise<void> {
    const waiting = new AbortController();
    const grace = sleep(END_GRACE_MS, undefined, { signal: waiting.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.ends), grace]);
    waiting.abort();
    for (const { stream, lines } of this.readers) {
      lines.close();
      stream.destroy();
    }
    await Promise.all(this.ends);
    this.log.end();
    await finished(this.log);
  }

  private async read(
    lines: Interface,
    redact: (text: string) => string,
    on: { line: () => void; progress: (line: ProgressLine) => void },
    progressHere: boolean,
  ): Promise<void> {
    for await (const line of lines) {
      on.line();
      const progress = progressHere ? progressOf(line) : null;
      if (progress !== null) on.progress(progress);
      const shown = redact(line);
      if (progress === null && this.last.push(shown.slice(0, 300)) > 5) this.last.shift();
      this.written += Buffer.byteLength(shown) + 1;
      if (this.written <= MOST_LOG_BYTES) this.log.write(`${shown}\n`);
    }
  }
}
