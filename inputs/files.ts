/**
 * Files that come from outside: unpacked when they are gzip, held to the bounds of limits.ts while they are read, and
 * refused in words when they can not be read.
 */
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { cutMessage } from '../experiment/excerpt';
import { openRegular, type OpenOptions } from '../artifacts/regular-file';
import { MAX_RATIO, RATIO_FROM_BYTES } from './limits';

/**
 * A file that can not be read as what it should be; the message starts with FILE or FILE:LINE. However much of the file it
 * quotes, it is cut to some lines of a terminal; whoever adds a remedy behind a quotation cuts that first.
 */
export class UnreadableInput extends Error {
  override name = 'UnreadableInput';
  /** The message for somebody who must not learn what the file holds; null where nobody wrote one. */
  readonly withoutContent: string | null;

  constructor(message: string, { withoutContent, ...options }: ErrorOptions & { withoutContent?: string } = {}) {
    super(cutMessage(message), options);
    this.withoutContent = withoutContent === undefined ? null : cutMessage(withoutContent);
  }
}

/** There is more of it than the limit. */
export class TooLarge extends UnreadableInput {
  override name = 'TooLarge';
}

/** An error whose message has nothing of the file's content. */
export function unreadable(message: string, cause?: unknown): UnreadableInput {
  return new UnreadableInput(message, { withoutContent: message, ...(cause === undefined ? {} : { cause }) });
}

function tooLarge(message: string): TooLarge {
  return new TooLarge(message, { withoutContent: message });
}

export interface ContentOptions extends OpenOptions {
  /** What messages call the file, where its path would tell nothing. */
  label?: string;
  /** Give gzip as it is. */
  packed?: boolean;
}

/** Bytes as messages write them: `16 MiB`, `1,000 bytes`. */
export function inBytes(bytes: number): string {
  const mib = bytes / 2 ** 20;
  return Number.isInteger(mib) && mib > 0 ? `${mib.toLocaleString('en')} MiB` : `${bytes.toLocaleString('en')} bytes`;
}

/** The whole file, unpacked when it is gzip. Throws `UnreadableInput`, also when that is more than `maxBytes`. */
export async function readBytes(path: string, maxBytes: number, options: ContentOptions = {}): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of contentOf(path, maxBytes, options)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * The file's content piece by piece, unpacked when it is gzip. Throws `UnreadableInput` for anything but a file (see
 * `openRegular`), and `TooLarge` as soon as there is more of it than `maxBytes`.
 */
export async function* contentOf(
  path: string,
  maxBytes: number,
  { label = path, packed: asItIs = false, ...options }: ContentOptions = {},
): AsyncGenerator<Buffer> {
  let source: Readable;
  try {
    const file = await openRegular(path, options);
    source = file.createReadStream({ highWaterMark: 1 << 18 });
  } catch (error) {
    throw unreadable(`${label}: ${reason(error)}`, error);
  }
  let packed = 0;
  let size = 0;
  let gunzip: Readable | null = null;
  try {
    const bytes = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const start = await firstOf(bytes);
    const all = async function* (): AsyncGenerator<Buffer> {
      for (let next: Buffer | undefined = start; next !== undefined; next = await valueOf(bytes)) {
        packed += next.byteLength;
        yield next;
      }
    };
    if (!asItIs && isGzip(start)) gunzip = pipeline(Readable.from(all()), createGunzip(), () => undefined);
    for await (const chunk of (gunzip ?? all()) as AsyncIterable<Buffer>) {
      size += chunk.byteLength;
      if (size > maxBytes) {
        const what = gunzip === null ? 'it has' : 'unpacked it has';
        throw tooLarge(`${label}: ${what} more than ${inBytes(maxBytes)}, which is the limit`);
      }
      if (gunzip !== null && size > RATIO_FROM_BYTES && size > packed * MAX_RATIO) {
        throw tooLarge(
          `${label}: it unpacks to more than ${MAX_RATIO} times its size, as no file of text does; unpack it yourself if it is one`,
        );
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof UnreadableInput) throw error;
    const why = gunzip === null ? reason(error) : `damaged gzip file (${(error as Error).message})`;
    throw unreadable(`${label}: ${why}`, error);
  } finally {
    gunzip?.destroy();
    source.destroy();
  }
}

/** At least the two bytes that tell gzip, where there are two: a pipe may give one at a time. */
async function firstOf(bytes: AsyncIterator<Buffer>): Promise<Buffer> {
  let start: Buffer = Buffer.alloc(0);
  while (start.byteLength < 2) {
    const next = await valueOf(bytes);
    if (next === undefined) break;
    start = Buffer.concat([start, next]);
  }
  return start;
}

async function valueOf(bytes: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
  const next = await bytes.next();
  return next.done === true ? undefined : next.value;
}

/** The text's lines with their numbers, from 1: one at a time, because a file of line ends alone has hundreds of millions. */
export function* linesOf(text: string): Generator<{ line: string; number: number }> {
  for (let at = 0, number = 1; at <= text.length; number++) {
    const end = text.indexOf('\n', at);
    yield { line: text.slice(at, end === -1 ? text.length : end), number };
    if (end === -1) return;
    at = end + 1;
  }
}

/** gzip is known by its first bytes: the name of a file tells nothing. */
export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

/** Why a file can not be opened, in words. */
export function reason(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'no such file';
    case 'EISDIR':
      return 'this is a folder, not a file';
    case 'EACCES':
      return 'no permission to read it';
    default:
      return (error as Error).message;
  }
}
