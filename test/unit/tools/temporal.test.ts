/** Set-up's way to a Temporal binary: the official download, against a server of our own, and what happens without it. */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { installationRoot } from '../../../workers/places';
import { PINS } from '../../../tools/locations.cjs';

const run = promisify(execFile);
let folder: string;
let server: Server;
let requests: string[];
let serverVersion: string;
let damaged: boolean;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-temporal-'));
  requests = [];
  serverVersion = '1.31.2';
  damaged = false;
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    const { port } = server.address() as AddressInfo;
    if (request.url?.startsWith('/cli/') === true) {
      response.end(JSON.stringify({ archiveUrl: `http://127.0.0.1:${port}/archive`, fileToExtract: 'temporal' }));
    } else {
      const bytes = Buffer.from(archive());
      if (damaged) bytes[bytes.length >> 1]! ^= 1;
      response.end(bytes);
    }
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
});

afterEach(async () => {
  await new Promise((closed) => server.close(closed));
  rmSync(folder, { recursive: true, force: true });
});

function executable(path: string, script: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** What the official server sends: a gzipped tar with the binary in it. */
function archive(): Buffer {
  executable(
    join(folder, 'upstream', 'temporal'),
    `env > ${join(folder, 'environment')}\necho "temporal version 1.8.2 (Server ${serverVersion}, UI 2.50.1)"`,
  );
  return execFileSync('sh', ['-c', `tar -c -C ${join(folder, 'upstream')} --mtime=@0 temporal | gzip -n`]);
}

/** Runs the step with no Temporal on PATH and, in place of Go, a program that says how it was called. */
async function setUpTemporal(base: string): Promise<string> {
  executable(
    join(folder, 'bin', 'go'),
    `case "$1 $2" in "env GOVERSION") echo go1.26.8;; "env GOTOOLCHAIN") echo local;; *) env | sed 's/^/go has /'; echo "go was called: $*"; exit 1;; esac`,
  );
  const tools = join(installationRoot(), 'tools');
  const archives = { [`${process.platform}-${process.arch}`]: createHash('sha256').update(archive()).digest('hex') };
  rmSync(join(folder, 'environment'), { force: true });
  const script = `
    Promise.all([import(${JSON.stringify(join(tools, 'temporal.mjs'))}), import(${JSON.stringify(join(tools, 'progress.mjs'))})])
      .then(([{ setUpTemporal }, { Progress }]) => setUpTemporal(new Progress(), ${JSON.stringify(archives)}))
      .catch((error) => { console.error(error.message); console.error('help: ' + error.remedy); process.exitCode = 1; });`;
  const env = {
    ...process.env,
    PATH: [join(folder, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
    FLAMINGO_CACHE: join(folder, 'cache'),
    FLAMINGO_TEMPORAL_DOWNLOAD: base,
    TEMPORAL_CLI_PATH: '',
    ANTHROPIC_API_KEY: 'planted',
    HF_TOKEN: 'planted',
    GITHUB_TOKEN: 'planted',
    AWS_SECRET_ACCESS_KEY: 'planted',
  };
  try {
    return (await run(process.execPath, ['-e', script], { env })).stderr;
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
}

const binary = (): string =>
  join(folder, 'cache', 'temporal', `${PINS.temporalCli}-${process.platform}-${process.arch}`, 'temporal');
const base = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

it('downloads the pinned version once', async () => {
  expect(await setUpTemporal(base())).toMatch(/done {2}Temporal CLI .* \(download\)/);
  expect(requests[0]).toMatch(
    new RegExp(`^/cli/v${PINS.temporalCli}\\?platform=${process.platform}&arch=(amd64|arm64)&format=tar.gz$`),
  );
  expect(execFileSync(binary(), ['--version'], { encoding: 'utf8' })).toContain('Server 1.31.2');
  expect(readdirSync(join(folder, 'cache', 'temporal'))).toHaveLength(1);
  expect(await setUpTemporal(base())).toContain('ok  Temporal server 1.31.2');
  expect(requests).toHaveLength(2);
});

it('runs a downloaded binary without the keys of the person', async () => {
  await setUpTemporal(base());
  const given = readFileSync(join(folder, 'environment'), 'utf8');
  expect(given).toContain('PATH=');
  expect(given).not.toContain('planted');
});

it('refuses an archive with one other byte, leaves nothing of it, and builds the pinned module instead', async () => {
  damaged = true;
  const said = await setUpTemporal(base());
  expect(said).toMatch(/\/archive has SHA-256 [0-9a-f]{64}, pinned is [0-9a-f]{64}: refused/);
  expect(said).toContain('go was called: build');
  expect(existsSync(join(folder, 'environment'))).toBe(false); // it has not run
  expect(readdirSync(join(folder, 'cache', 'temporal'), { recursive: true })).toEqual([
    dirname(binary()).split('/').at(-1),
  ]);
  const log = readFileSync(join(folder, 'cache', 'logs', 'temporal-build.log'), 'utf8');
  expect(log).toContain('go has GOFLAGS=-mod=readonly');
  expect(log).not.toContain('planted');
});

it('pins an archive for each platform that there are releases for', () => {
  expect(Object.keys(PINS.temporalArchives).sort()).toEqual(['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64']);
  expect(new Set(Object.values(PINS.temporalArchives)).size).toBe(4);
  for (const hash of Object.values(PINS.temporalArchives)) expect(hash).toMatch(/^[0-9a-f]{64}$/);
});

it('does not take a binary that holds too old a server, and builds the pinned module instead', async () => {
  serverVersion = '1.29.0';
  const said = await setUpTemporal(base());
  expect(said).toContain('holds server 1.29.0, needed is 1.31 or newer');
  expect(said).toMatch(/go was called: build -trimpath .* github\.com\/temporalio\/cli\/cmd\/temporal/);
  expect(said).toContain('help: check that the Go module proxy is reachable');
  expect(existsSync(binary())).toBe(false);
});

it('builds at once when nothing answers', async () => {
  const said = await setUpTemporal('http://127.0.0.1:9');
  expect(said).toContain('building it from its pinned source instead');
  expect(said).toContain('go was called: build');
});

it('holds the version that the pinned module builds', () => {
  const module = readFileSync(join(installationRoot(), 'tools', 'temporal-cli', 'go.mod'), 'utf8');
  expect(module).toContain(`require github.com/temporalio/cli v${PINS.temporalCli}\n`);
  expect(module).toContain(`\ngo ${PINS.go}\n`);
});
