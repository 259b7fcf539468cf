/**
 * A response's body line by line, in little memory. A stream that stalls or ends in the middle of a line throws: what
 * was read until then counts, and the reader starts again.
 */
import type { SendOptions } from '../client';
import { NotAMessage } from '../errors';
import { MAX_REPLY_BYTES } from '../transport';

export async function* readLines(response: Response, { signal, deadlineMs }: SendOptions): AsyncGenerator<string> {
  if (response.body === null) throw new TypeError('the response has no body');
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await inTime(reader, signal, deadlineMs);
      if (done) break;
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop() as string;
      if (rest.length > MAX_REPLY_BYTES) throw new NotAMessage('a line of the results has no end', null, null);
      for (const line of lines) if (line.trim() !== '') yield line;
    }
    // the last line need not end in a newline; half of one is no JSON and fails where it is parsed
    if (rest.trim() !== '') yield rest;
  } finally {
    await reader.cancel().catch(() => undefined); // frees the connection when the caller stops early
  }
}

/** The next piece; cancels the stream when it does not come in time or the caller is aborted. */
async function inTime(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal,
  deadlineMs: number,
): ReturnType<typeof reader.read> {
  signal.throwIfAborted();
  let fail: (reason: unknown) => void = () => undefined;
  const ended = new Promise<never>((_, reject) => (fail = reject));
  const abort = () => fail(signal.reason);
  const stalled = () => fail(new TypeError('the stream stalled', { cause: new Error(`nothing for ${deadlineMs} ms`) }));
  const timer = setTimeout(stalled, deadlineMs);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([reader.read(), ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
