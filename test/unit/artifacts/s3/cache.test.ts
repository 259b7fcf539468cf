/** Working copies of what lies in object storage: verified, bounded, shared by processes. */
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cache } from '../../../../artifacts/s3/cache';
import { sha256 } from '../../../../experiment/canonical';
import type { ArtifactRef } from '../../../../experiment/plan';

let folder: string;
let fetched: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-cache-'));
  fetched = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ref = (text: string): ArtifactRef => ({ uri: `blobs/${text}`, sha256: sha256(text), bytes: text.length });
const cacheOf = (maxBytes: number): Cache => new Cache({ folder, maxBytes });

async function use(cache: Cache, text: string, etag = 'one'): Promise<string> {
  return cache.file(ref(text), etag, async (_, path) => {
    fetched.push(text);
    await writeFile(path, text);
  });
}

/** As if it was last used an hour and `minutes` ago. */
function age(text: string, minutes: number): void {
  const when = new Date(Date.now() - 3600_000 - minutes * 60_000);
  utimesSync(join(folder, 'files', sha256(text)), when, when);
}

test('a file is fetched once, also for another process', async () => {
  const path = await use(cacheOf(100), 'hello');
  expect(await readFile(path, 'utf8')).toBe('hello');
  expect(await use(cacheOf(100), 'hello')).toBe(path);
  expect(fetched).toEqual(['hello']);
});

test('it is hashed each time, and fetched anew when it is damaged or another object stands there', async () => {
  const path = await use(cacheOf(100), 'hello');
  writeFileSync(path, 'jello');
  expect(await readFile(await use(cacheOf(100), 'hello'), 'utf8')).toBe('hello');
  await use(cacheOf(100), 'hello', 'two');
  expect(fetched).toEqual(['hello', 'hello', 'hello']);
});

test('what was not used for longest goes first, and what fits stays', async () => {
  const cache = cacheOf(15);
  for (const text of ['aaaaa', 'bbbbb', 'ccccc']) await cache.during(() => use(cache, text));
  age('aaaaa', 1);
  age('bbbbb', 3);
  age('ccccc', 2);
  await cache.during(() => use(cache, 'ddddd'));
  expect(['aaaaa', 'bbbbb', 'ccccc', 'ddddd'].map((text) => existsSync(join(folder, 'files', sha256(text))))).toEqual([
    true,
    false,
    true,
    true,
  ]);
});

test('what an operation uses stays until it ends, whoever needs the room', async () => {
  const cache = cacheOf(5);
  await cache.during(async () => {
    const path = await use(cache, 'aaaaa');
    age('aaaaa', 1);
    const other = cacheOf(5);
    await other.during(() => use(other, 'bbbbb'));
    expect(existsSync(path)).toBe(true);
  });
  age('aaaaa', 1);
  await cache.during(() => use(cache, 'ccccc'));
  expect(existsSync(join(folder, 'files', sha256('aaaaa')))).toBe(false);
});

test('what a process that is gone had in use is free after an hour', async () => {
  await use(cacheOf(5), 'aaaaa'); // outside of an operation: until the process ends
  age('aaaaa', 1);
  await use(cacheOf(5), 'bbbbb');
  expect(existsSync(join(folder, 'files', sha256('aaaaa')))).toBe(true);
  const old = new Date(Date.now() - 2 * 3600_000);
  for (const pin of readdirSync(join(folder, 'pins'))) utimesSync(join(folder, 'pins', pin), old, old);
  await use(cacheOf(5), 'ccccc');
  expect(existsSync(join(folder, 'files', sha256('aaaaa')))).toBe(false);
});

test('a fetch that fails leaves nothing behind', async () => {
  const cache = cacheOf(100);
  const failing = cache.file(ref('hello'), 'one', () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(readdirSync(join(folder, 'files'))).toEqual([]);
});
