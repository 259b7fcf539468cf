/**
 * Set-up's step for the Temporal binary: one on PATH or in TEMPORAL_CLI_PATH, else the cached one, else the official
 * download, else built from the module that is pinned in tools/temporal-cli (needs Go, takes some minutes).
 *
 * Nothing of a download is unpacked, let alone run, before its SHA-256 is that of the pinned release; of a build the
 * modules' hashes are checked by Go against tools/temporal-cli/go.sum.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { SetUpError, installerEnvironment, runLogged } from './progress.mjs';

const {
  PINS,
  atLeast,
  cacheFolder,
  cachedTemporal,
  executableOnPath,
  findTemporal,
  installationRoot,
  temporalServerVersion,
} = createRequire(import.meta.url)('./locations.cjs');

/** Without network a name look-up fails at once, but a firewall that swallows packets must not hold up the build. */
const ANSWER_MS = 8_000;
const DOWNLOAD_MS = 180_000;
/** The release's archives have 45 MB. */
const MOST_BYTES = 256e6;

/** `archives`: SHA-256 of the archive for each platform. */
export async function setUpTemporal(progress, archives = PINS.temporalArchives) {
  const found = find();
  if (found.passedOver !== null) progress.note(`not used: ${found.passedOver}`);
  await progress.ensure(found.path === null ? 'Temporal' : `Temporal server ${found.server} (${found.path})`, {
    lock: 'temporal',
    present: () => find().path !== null,
    make: () => makeTemporal(progress, cachedTemporal(), archives[`${process.platform}-${process.arch}`]),
  });
}

async function makeTemporal(progress, target, pinned) {
  mkdirSync(dirname(target), { recursive: true });
  const refused = await download(progress, target, pinned);
  if (refused === null) return;
  progress.note(`no official Temporal download (${refused}): building it from its pinned source instead`);
  await buildFromSource(progress, target);
}

/** A wrong TEMPORAL_CLI_PATH is the person's to mend, so it stops set-up. */
function find() {
  try {
    return findTemporal();
  } catch (error) {
    throw new SetUpError(error.message, 'unset TEMPORAL_CLI_PATH, or name a recent Temporal CLI in it');
  }
}

/** Fetches the official archive of the pinned version, whose SHA-256 is `pinned`. Returns null, or why it did not work. */
async function download(progress, target, pinned) {
  const base = process.env.FLAMINGO_TEMPORAL_DOWNLOAD || 'https://temporal.download';
  if (base === 'off') return 'switched off by FLAMINGO_TEMPORAL_DOWNLOAD=off';
  if (pinned === undefined) return `no release for ${process.platform} on ${process.arch} is known here`;
  const query = new URLSearchParams({
    platform: process.platform,
    arch: process.arch === 'x64' ? 'amd64' : process.arch,
    format: 'tar.gz',
  });
  const temporary = `${dirname(target)}.${process.pid}.tmp`;
  try {
    const about = await fetch(`${base}/cli/v${PINS.temporalCli}?${query}`, { signal: AbortSignal.timeout(ANSWER_MS) });
    if (!about.ok) return `${base} answered ${about.status}`;
    const { archiveUrl, fileToExtract } = await about.json();
    await progress.step(`Temporal CLI ${PINS.temporalCli} (download)`, async () => {
      const archive = await bytesOf(archiveUrl);
      const found = createHash('sha256').update(archive).digest('hex');
      if (found !== pinned) throw new Error(`${archiveUrl} has SHA-256 ${found}, pinned is ${pinned}: refused`);
      mkdirSync(temporary, { recursive: true });
      writeFileSync(join(temporary, 'archive.tar.gz'), archive);
      await runLogged('tar', ['-xzf', 'archive.tar.gz', fileToExtract], {
        cwd: temporary,
        log: join(cacheFolder(), 'logs', 'temporal-download.log'),
      });
      publish(join(temporary, fileToExtract), target);
    });
    return null;
  } catch (error) {
    return error.cause?.message ?? error.message;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function bytesOf(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const chunks = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw new Error(`${url} is larger than ${MOST_BYTES / 1e6} MB: refused`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function buildFromSource(progress, target) {
  needGo();
  const temporary = `${target}.${process.pid}.tmp`;
  await progress.step(`Temporal CLI ${PINS.temporalCli} (go build, about 4 minutes on 2 cores)`, async () => {
    try {
      await runLogged(
        'go',
        ['build', '-trimpath', '-ldflags=-s -w', '-o', temporary, 'github.com/temporalio/cli/cmd/temporal'],
        {
          cwd: join(installationRoot(), 'tools', 'temporal-cli'),
          env: { ...installerEnvironment(), GOFLAGS: '-mod=readonly', GOWORK: 'off', CGO_ENABLED: '0' },
          log: join(cacheFolder(), 'logs', 'temporal-build.log'),
          remedy:
            'check that the Go module proxy is reachable, then: npm run setup; or install the Temporal CLI yourself (https://docs.temporal.io/cli) and put it on PATH',
        },
      );
      publish(temporary, target);
    } finally {
      rmSync(temporary, { force: true });
    }
  });
}

/** Puts a binary in its place after it has said what server it holds. */
function publish(from, target) {
  chmodSync(from, 0o755);
  const server = temporalServerVersion(from);
  if (!atLeast(server, PINS.temporalServer)) {
    throw new Error(`the Temporal binary holds server ${server}, needed is ${PINS.temporalServer} or newer`);
  }
  renameSync(from, target);
}

/** An older Go (from 1.21) fetches the toolchain that go.mod asks for by itself, unless it is told not to. */
function needGo() {
  const remedy = `install the Temporal CLI (https://docs.temporal.io/cli) and put it on PATH, or install Go ${PINS.go} or newer (https://go.dev/dl)`;
  if (executableOnPath('go') === null)
    throw new SetUpError('there is no Temporal binary, and no Go to build one', remedy);
  const cwd = join(installationRoot(), 'tools');
  const ask = (name) =>
    spawnSync('go', ['env', name], { cwd, encoding: 'utf8', env: installerEnvironment() }).stdout.trim();
  const version = ask('GOVERSION').replace(/^go/, '');
  const toolchain = ask('GOTOOLCHAIN');
  if (atLeast(version, PINS.go) || (atLeast(version, '1.21') && toolchain !== 'local')) return;
  throw new SetUpError(`Go is ${version}, and building the Temporal binary needs ${PINS.go}`, remedy);
}
