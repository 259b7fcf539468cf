/**
 * Text from outside: UTF-8, with or without a byte order mark. Whatever else it is, is refused at the line of the first
 * byte that is none of it, so that no word reaches a prompt or a plan as something else than what was written.
 */
import { isUtf8 } from 'node:buffer';
export { HALF_CHARACTER } from '../experiment/excerpt';
import { readBytes, unreadable, type ContentOptions } from './files';

export const BYTE_ORDER_MARK = '\uFEFF';

/** What a file begins with that is Unicode in another form; the longer mark first, which begins with the shorter one. */
const OTHER_MARKS: readonly [Buffer, string][] = [
  [Buffer.from([0xff, 0xfe, 0, 0]), 'UTF-32'],
  [Buffer.from([0, 0, 0xfe, 0xff]), 'UTF-32'],
  [Buffer.from([0xff, 0xfe]), 'UTF-16'],
  [Buffer.from([0xfe, 0xff]), 'UTF-16'],
];

const NEWLINE = 0x0a;

/** The whole file as text, unpacked when it is gzip. Throws `UnreadableInput` naming FILE:LINE, also for more than `maxBytes`. */
export async function readText(path: string, maxBytes: number, options: ContentOptions = {}): Promise<string> {
  return textOf(await readBytes(path, maxBytes, options), options.label ?? path);
}

/** `label` is what messages call the file. Throws `UnreadableInput` naming FILE:LINE. */
export function textOf(bytes: Buffer, label: string): string {
  const decoder = new TextPieces(label);
  return withoutMark(decoder.next(bytes) + decoder.end());
}

export function withoutMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/** Text that comes in pieces, which may end within a character. A byte order mark stays what it is. */
export class TextPieces {
  private line = 1;
  /** The first bytes of a character whose last ones are still to come. */
  private rest = Buffer.alloc(0);
  private begun = false;

  /** `label` is what messages call the file. `zeroBytes`: keep them, where a model's words may have them. */
  constructor(
    private readonly label: string,
    private readonly zeroBytes: 'refuse' | 'keep' = 'refuse',
  ) {}

  /** The characters that are complete with these bytes. Throws `UnreadableInput` naming FILE:LINE. */
  next(bytes: Uint8Array): string {
    const all =
      this.rest.length === 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : joined(this.rest, bytes);
    const mark = this.begun ? undefined : OTHER_MARKS.find(([start]) => all.subarray(0, start.length).equals(start));
    if (mark !== undefined) this.refuse(0, `not UTF-8 text but ${mark[1]}`);
    this.begun ||= all.length > 0;
    const complete = all.length - unfinished(all);
    this.rest = Buffer.from(all.subarray(complete));
    return this.checked(all.subarray(0, complete));
  }

  /** Throws `UnreadableInput` for a character that was cut off. */
  end(): string {
    return this.checked(this.rest);
  }

  private checked(bytes: Buffer): string {
    if (!isUtf8(bytes) || (this.zeroBytes === 'refuse' && bytes.includes(0))) this.refuseFirst(bytes);
    const text = bytes.toString('utf8');
    this.line += newlines(text);
    return text;
  }

  private refuseFirst(bytes: Buffer): never {
    let before = 0;
    for (let start = 0; ; before++) {
      const newline = bytes.indexOf(NEWLINE, start);
      const line = bytes.subarray(start, newline < 0 ? bytes.length : newline);
      if (!isUtf8(line)) return this.refuse(before, 'not UTF-8 text');
      if (line.includes(0) && this.zeroBytes === 'refuse')
        return this.refuse(before, 'not UTF-8 text: it has a zero byte');
      start += line.length + 1;
    }
  }

  private refuse(before: number, message: string): never {
    throw unreadable(`${this.label}:${this.line + before}: ${message}; save it as a text file in UTF-8`);
  }
}

function joined(rest: Buffer, bytes: Uint8Array): Buffer<ArrayBuffer> {
  return Buffer.concat([rest, bytes]);
}

/** How many bytes at the end begin a character that needs more than there are. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue; // within a character
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}

function newlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
