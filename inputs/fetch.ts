/**
 * Downloads: streamed to a file, counted, hashed, and kept in the cache only when they are what was asked for.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetch, type Response } from 'undici';
import { hashFile } from '../artifacts/hash-file';
import { PRIVATE_FILE, privateFolder } from '../artifacts/private-files';
import { sha256 as hash, type Sha256 } from '../experiment/canonical';
import { certificateRemedy, proxyDispatcher, proxyFor, throughProxy, UnusableProxy } from '../judge/proxy';
import { checkHost, PrivateAddress, publicDispatcher } from './addresses';
import { DOWNLOAD_STALL_MS, MAX_DOWNLOAD_BYTES, MAX_DOWNLOAD_MS, MAX_REDIRECTS } from './limits';

export interface DownloadOptions {
  url: string;
  /** Expected SHA-256 of the bytes; null when the content is checked by the caller (who deletes the file if wrong). */
  sha256: Sha256 | null;
  cacheFolder: string;
  /** Default: `MAX_DOWNLOAD_BYTES`. */
  maxBytes?: number;
  /** Default: `DOWNLOAD_STALL_MS`. */
  stallMs?: number;
  /** Default: `MAX_DOWNLOAD_MS`. */
  maxMs?: number;
  /**
   * For a request of another client: asks public addresses only (addresses.ts), and no error repeats what the server said.
   */
  publicOnly?: boolean;
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

/**
 * Where a download lies, or would lie. Without a hash, what was fetched for other clients is kept apart: they are not shown
 * what only the machine's owner could reach.
 */
export function cachedDownload({
  url,
  sha256,
  cacheFolder,
  publicOnly = false,
}: Pick<DownloadOptions, 'url' | 'sha256' | 'cacheFolder' | 'publicOnly'>): string {
  return join(cacheFolder, 'downloads', sha256 ?? `${publicOnly ? 'public-' : ''}url-${hash(url)}`);
}

/** Returns the path of the downloaded file; at once when the cache has it. Throws `DownloadFailed`. */
export async function download(options: DownloadOptions): Promise<string> {
  const target = cachedDownload(options);
  if (existsSync(target)) {
    if (options.sha256 === null || (await hashFile(target)) === options.sha256) return target;
    await rm(target); // damaged on disk: the pin decides, not the name
  }
  await privateFolder(join(options.cacheFolder, 'downloads'));
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
  const limit = options.maxBytes ?? MAX_DOWNLOAD_BYTES;
  const stalled = new AbortController();
  const stallMs = options.stallMs ?? DOWNLOAD_STALL_MS;
  const maxMs = options.maxMs ?? MAX_DOWNLOAD_MS;
  const clock = setTimeout(() => stalled.abort(), stallMs);
  const late = AbortSignal.timeout(maxMs);
  const signal = AbortSignal.any([stalled.signal, late, ...(options.signal === undefined ? [] : [options.signal])]);
  const file = await open(part, 'wx', PRIVATE_FILE);
  try {
    const response = await answerTo(options, signal);
    if (!response.ok) {
      const words = options.publicOnly === true ? '' : response.statusText;
      throw new DownloadFailed(
        `${url}: the server answered ${response.status} ${words}`.trim(),
        response.status >= 500,
      );
    }
    const length = response.headers.get('content-length');
    const total = length !== null && /^\d+$/.test(length) ? Number(length) : null;
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
    if (late.aborted) throw new DownloadFailed(`${url}: it took longer than ${maxMs / 1000} seconds`, false);
    throw error;
  } finally {
    clearTimeout(clock);
    await file.close();
  }
}

/**
 * The first answer that is no redirect. Each hop is checked like the first: what is asked next is the server's choice.
 * Through a proxy it is the proxy that looks names up, so only hosts that are written as addresses are checked here.
 */
async function answerTo(
  { url, publicOnly = false, env = {} }: DownloadOptions,
  signal: AbortSignal,
): Promise<Response> {
  let at = new URL(url);
  for (let hops = 0; ; hops++) {
    if (publicOnly) checkHost(at);
    const response = await ask(at, publicOnly, env, signal);
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    if (hops === MAX_REDIRECTS) throw new DownloadFailed(`${url}: more than ${MAX_REDIRECTS} redirects`, false);
    const next = URL.canParse(location, at.href) ? new URL(location, at) : null;
    if (next === null || !['http:', 'https:'].includes(next.protocol)) {
      throw new DownloadFailed(`${url}: the server redirects to what is no address on the web`, false);
    }
    if (at.protocol === 'https:' && next.protocol === 'http:') {
      throw new DownloadFailed(`${url}: the server redirects from https to http, where anybody could change it`, false);
    }
    at = next;
  }
}

async function ask(at: URL, publicOnly: boolean, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Response> {
  const init = { signal, redirect: 'manual', headers: { 'accept-encoding': 'identity' } } as const;
  const proxy = proxyFor(at, env);
  if (proxy === null) return fetch(at, publicOnly ? { ...init, dispatcher: publicDispatcher() } : init);
  try {
    return await fetch(at, { ...init, dispatcher: await proxyDispatcher(proxy) });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new TypeError('fetch failed', { cause: throughProxy(error, proxy) });
  }
}

/** fetch() says "fetch failed" and hides the reason in `cause`; a cut body is a plain TypeError. */
function unexpected(url: string, error: unknown): DownloadFailed {
  if (error instanceof UnusableProxy) return new DownloadFailed(`${url}: ${error.message}`, false);
  const reasons: string[] = [];
  let retryable = true;
  const remedies = new Set<string>();
  for (
    let each = error as NodeJS.ErrnoException | undefined;
    each?.message !== undefined;
    each = each.cause as typeof each
  ) {
    if (each instanceof PrivateAddress) retryable = false;
    const { code, message } = each;
    const remedy = certificateRemedy(code);
    if (remedy !== null) remedies.add(remedy);
    reasons.push(code === undefined || message.includes(code) ? message : `${message} (${code})`);
  }
  const code = (error as NodeJS.ErrnoException).code;
  const local = code !== undefined && ['ENOSPC', 'EACCES', 'EROFS'].includes(code);
  return new DownloadFailed(
    `${local ? 'saving ' : ''}${url}: ${[[...new Set(reasons)].join(': '), ...remedies].join('; ')}`,
    retryable && !local,
  );
}
