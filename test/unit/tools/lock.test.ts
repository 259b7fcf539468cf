/** The lock file that keeps two set-ups or builds from doing the same thing side by side. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { installationRoot } from '../../../workers/places';
import { acquire } from '../../../tools/lock.cjs';

const run = promisify(execFile);
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('makes the second comer wait, and tells it who holds the lock', async () => {
  const release = await acquire(path);
  const holders: unknown[] = [];
  let entered = false;
  const second = acquire(path, (holder) => holders.push(holder)).then((releaseSecond) => {
    entered = true;
    releaseSecond();
  });
  await sleep(250);
  expect(entered).toBe(false);
  expect(holders).toEqual([{ pid: process.pid, host: hostname() }]);
  release();
  await second;
  expect(entered).toBe(true);
  expect(existsSync(path)).toBe(false);
});

it('takes over from a process that is gone', async () => {
  const gone = spawnSync(process.execPath, ['-e', 'console.log(process.pid)'], { encoding: 'utf8' });
  writeFileSync(path, JSON.stringify({ pid: Number(gone.stdout), host: hostname() }));
  (await acquire(path))();
});

it('takes over a lock that nobody has touched for a minute, whoever its number belongs to now', async () => {
  writeFileSync(path, JSON.stringify({ pid: process.pid, host: 'another-host' }));
  const old = new Date(Date.now() - 61_000);
  utimesSync(path, old, old);
  (await acquire(path))();
});

it('lets one in at a time, also when all of them find an abandoned lock', async () => {
  writeFileSync(path, JSON.stringify({ pid: 999_999_999, host: hostname() }));
  const counter = join(folder, 'counter');
  writeFileSync(counter, '0');
  const script = `
    const { acquire } = require(${JSON.stringify(join(installationRoot(), 'tools', 'lock.cjs'))});
    const { readFileSync, writeFileSync } = require('node:fs');
    const { setTimeout: sleep } = require('node:timers/promises');
    acquire(${JSON.stringify(path)}).then(async (release) => {
      const before = Number(readFileSync(${JSON.stringify(counter)}, 'utf8'));
      await sleep(20);
      writeFileSync(${JSON.stringify(counter)}, String(before + 1));
      release();
    });`;
  await Promise.all(Array.from({ length: 5 }, () => run(process.execPath, ['-e', script])));
  expect(readFileSync(counter, 'utf8')).toBe('5');
});
