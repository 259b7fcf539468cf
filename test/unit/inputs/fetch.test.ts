import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cachedDownload, download, type DownloadOptions } from '../../../inputs/fetch';
import { sha256 } from '../../../experiment/canonical';

const BODY = 'x'.repeat(200_000);
let server: Server;
let answer: RequestListener;
let requests: number;
let options: DownloadOptions;

beforeEach(async () => {
  requests = 0;
  answer = (_, response) => response.end(BODY);
  server = createServer((request, response) => {
    requests++;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  options = {
    url: `http://127.0.0.1:${port}/rows.jsonl`,
    sha256: sha256(BODY),
    cacheFolder: mkdtempSync(join(tmpdir(), 'fetch-')),
    attempts: 1,
  };
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Files in the cache, unfinished ones too. */
const cached = (): string[] => readdirSync(join(options.cacheFolder, 'downloads'));

test('downloads once, reports progress, and then serves from the cache', async () => {
  const seen: [number, number | null][] = [];
  const path = await download({ ...options, onProgress: (done, total) => seen.push([done, total]) });
  expect(readFileSync(path, 'utf8')).toBe(BODY);
  expect(seen.at(-1)?.[0]).toBe(BODY.length);
  expect(await download(options)).toBe(path);
  expect(requests).toBe(1);
  expect(cached()).toEqual([sha256(BODY)]);
});

test('a wrong hash is refused and leaves nothing behind', async () => {
  await expect(download({ ...options, sha256: 'a'.repeat(64), attempts: 3 })).rejects.toThrow(
    `the file has SHA-256 ${sha256(BODY)}, pinned is aaaa`,
  );
  expect(cached()).toEqual([]);
  expect(requests).toBe(1);
});

test('a cut body is refused and leaves nothing behind', async () => {
  answer = (_, response) => {
    response.writeHead(200, { 'content-length': BODY.length });
    response.write(BODY.slice(0, 70_000));
    setTimeout(() => response.destroy(), 20);
  };
  await expect(download(options)).rejects.toThrow(options.url);
  expect(cached()).toEqual([]);
});

test('a failing server is asked again', async () => {
  answer = (_, response) => {
    response.statusCode = requests === 1 ? 503 : 200;
    response.end(requests === 1 ? 'busy' : BODY);
  };
  await download({ ...options, attempts: 2 });
  expect(requests).toBe(2);
});

test('"not found" is final', async () => {
  answer = (_, response) => {
    response.statusCode = 404;
    response.end('no');
  };
  await expect(download({ ...options, attempts: 3 })).rejects.toThrow('the server answered 404 Not Found');
  expect(requests).toBe(1);
});

test('a body over the limit is refused, also when the server does not say its length', async () => {
  await expect(download({ ...options, maxBytes: 1000 })).rejects.toThrow('the limit is 1,000');
  answer = (_, response) => {
    response.write(BODY);
    response.end(BODY);
  };
  await expect(download({ ...options, maxBytes: BODY.length + 1 })).rejects.toThrow('the limit is');
  expect(cached()).toEqual([]);
});

test('a server that stops talking is given up', async () => {
  answer = (_, response) => {
    response.write(BODY);
  };
  await expect(download({ ...options, stallMs: 150 })).rejects.toThrow('no data for 0.15 seconds');
});

test('an unreachable server is named with its reason', async () => {
  await expect(download({ ...options, url: 'http://127.0.0.1:9/x' })).rejects.toThrow(
    /127\.0\.0\.1:9.*(ECONNREFUSED|bad port)/,
  );
});

test('a damaged file in the cache is fetched again', async () => {
  const path = await download(options);
  writeFileSync(path, 'damaged');
  expect(readFileSync(await download(options), 'utf8')).toBe(BODY);
  expect(requests).toBe(2);
});

test('without a hash of the bytes the file is kept by its address', async () => {
  const unpinned = { ...options, sha256: null };
  expect(await download(unpinned)).toBe(cachedDownload(unpinned));
});
