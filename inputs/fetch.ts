/**
 * Downloads: streamed to a file, counted, hashed, and kept in the cache only when they are what was asked for.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashFile } from '../artifacts/hash-file';
import { sha256 as hash, type Sha256 } from '../experiment/canonical';
import { certificateRemedy, fetchThroughProxy, UnusableProxy } from '../judge/proxy';

export interface DownloadOptions {
  url: string;
  /** Expected SHA-256 of the bytes; null when the content is checked by the caller (who deletes the file if wrong). */
  sha256: Sha256 | null;
  cacheFolder: string;
  /** Bytes; default 1 GiB. */
  maxBytes?: number;
  /** Milliseconds without a byte before the connection is given up; default 60,000. */
  stallMs?: number;
  /** Attempts at a server that does not answer or fails; default 3. */
  attempts?: number;
  /** Names the proxy (judge/proxy.ts); default: none. */
  env?: NodeJS.ProcessEnv;
  /** `total` is null when the server does not say. */
  onProgress?: (done: number, total: number | null) => void;
  signal?: AbortSignal;
}

/** Why a download could not be had. `retryable`: the same request may succeed later. */
export class DownloadFailed extends Error {
  override name = 'DownloadFailed';

  constructor(
    message: string,
    readonly retryable: boolean,
  ) {
    super(message);
  }
}

/** Where a download lies, or would lie. */
export function cachedDownload(options: Pick<DownloadOptions, 'url' | 'sha256' | 'cacheFolder'>): string {
  return join(options.cacheFolder, 'downloads', options.sha256 ?? `url-${hash(options.url)}`);
}

/** Returns the path of the downloaded file; at once when the cache has it. Throws `DownloadFailed`. */
export async function download(options: DownloadOptions): Promise<string> {
  const target = cachedDownload(options);
  if (existsSync(target)) {
    if (options.sha256 === null || (await hashFile(target)) === options.sha256) return target;
    await rm(target); // damaged on disk: the pin decides, not the name
  }
  await mkdir(join(options.cacheFolder, 'downloads'), { recursive: true });
  const attempts = options.attempts ?? 3;
  for (let attempt = 1; ; attempt++) {
    const part = `${target}.${randomBytes(4).toString('hex')}.part`;
    try {
      await once(options, part);
      await rename(part, target);
      return target;
    } catch (error) {
      await rm(part, { force: true });
      const failure = error instanceof DownloadFailed ? error : unexpected(options.url, error);
      if (!failure.retryable || attempt >= attempts || options.signal?.aborted === true) throw failure;
      await sleep(500 * 2 ** attempt, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(
        () => {
          throw failure; // stopped while waiting: why it waited says more
        },
      );
    }
  }
}

async function once(options: DownloadOptions, part: string): Promise<void> {
  const { url } = options;
  const limit = options.maxBytes ?? 2 ** 30;
  const stalled = new AbortController();
  const stallMs = options.stallMs ?? 60_000;
  const clock = setTimeout(() => stalled.abort(), stallMs);
  const signal = options.signal === undefined ? stalled.signal : AbortSignal.any([options.signal, stalled.signal]);
  const file = await open(part, 'wx');
  try {
    const response = await fetchThroughProxy(
      url,
      { signal, headers: { 'accept-encoding': 'identity' } },
      options.env ?? {},
    );
    if (!response.ok) {
      throw new DownloadFailed(
        `${url}: the server answered ${response.status} ${response.statusText}`.trim(),
        response.status >= 500,
      );
    }
    const length = response.headers.get('content-length');
    const total = length === null ? null : Number(length);
    const tooLarge = (bytes: number): DownloadFailed =>
      new DownloadFailed(
        `${url}: ${bytes.toLocaleString('en')} bytes or more, the limit is ${limit.toLocaleString('en')}`,
        false,
      );
    if (total !== null && total > limit) throw tooLarge(total);
    const digest = createHash('sha256');
    let done = 0;
    for await (const chunk of response.body ?? []) {
      clock.refresh();
      const bytes = chunk as Uint8Array;
      done += bytes.byteLength;
      if (done > limit) throw tooLarge(done);
      digest.update(bytes);
      await file.write(bytes);
      options.onProgress?.(done, total);
    }
    if (total !== null && done !== total) {
      throw new DownloadFailed(`${url}: the connection ended after ${done} of ${total} bytes`, true);
    }
    const found = digest.digest('hex');
    if (options.sha256 !== null && found !== options.sha256) {
      throw new DownloadFailed(`${url}: the file has SHA-256 ${found}, pinned is ${options.sha256}`, false);
    }
    await file.sync();
  } catch (error) {
    if (stalled.signal.aborted) throw new DownloadFailed(`${url}: no data for ${stallMs / 1000} seconds`, true);
    throw error;
  } finally {
    clearTimeout(clock);
    await file.close();
  }
}

/** fetch() says "fetch failed" and hides the reason in `cause`; a cut body is a plain TypeError. */
function unexpected(url: string, error: unknown): DownloadFailed {
  if (error instanceof UnusableProxy) return new DownloadFailed(`${url}: ${error.message}`, false);
  const reasons: string[] = [];
  const remedies = new Set<string>();
  for (
    let each = error as NodeJS.ErrnoException | undefined;
    each?.message !== undefined;
    each = each.cause as typeof each
  ) {
    const { code, message } = each;
    const remedy = certificateRemedy(code);
    if (remedy !== null) remedies.add(remedy);
    reasons.push(code === undefined || message.includes(code) ? message : `${message} (${code})`);
  }
  const code = (error as NodeJS.ErrnoException).code;
  const local = code !== undefined && ['ENOSPC', 'EACCES', 'EROFS'].includes(code);
  return new DownloadFailed(
    `${local ? 'saving ' : ''}${url}: ${[[...new Set(reasons)].join(': '), ...remedies].join('; ')}`,
    !local,
  );
}
