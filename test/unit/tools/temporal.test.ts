/** Set-up's way to a Temporal binary: the official download, against a server of our own, and what happens without it. */
import { execFile, execFileSync } from 'node:child_process';
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

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-temporal-'));
  requests = [];
  serverVersion = '1.31.2';
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    const { port } = server.address() as AddressInfo;
    if (request.url?.startsWith('/cli/') === true) {
      response.end(JSON.stringify({ archiveUrl: `http://127.0.0.1:${port}/archive`, fileToExtract: 'temporal' }));
    } else {
      response.end(archive());
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
    `echo "temporal version 1.8.2 (Server ${serverVersion}, UI 2.50.1)"`,
  );
  return execFileSync('tar', ['-czf', '-', '-C', join(folder, 'upstream'), 'temporal']);
}

/** Runs the step with no Temporal on PATH and, in place of Go, a program that says how it was called. */
async function setUpTemporal(base: string): Promise<string> {
  executable(
    join(folder, 'bin', 'go'),
    `case "$1 $2" in "env GOVERSION") echo go1.26.8;; "env GOTOOLCHAIN") echo local;; *) echo "go was called: $*"; exit 1;; esac`,
  );
  const tools = join(installationRoot(), 'tools');
  const script = `
    Promise.all([import(${JSON.stringify(join(tools, 'temporal.mjs'))}), import(${JSON.stringify(join(tools, 'progress.mjs'))})])
      .then(([{ setUpTemporal }, { Progress }]) => setUpTemporal(new Progress()))
      .catch((error) => { console.error(error.message); console.error('help: ' + error.remedy); process.exitCode = 1; });`;
  const env = {
    ...process.env,
    PATH: [join(folder, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
    FLAMINGO_CACHE: join(folder, 'cache'),
    FLAMINGO_TEMPORAL_DOWNLOAD: base,
    TEMPORAL_CLI_PATH: '',
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
