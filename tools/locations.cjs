'use strict';
/**
 * Where set-up puts things, and which versions it pins. The one truth for set-up (which runs before any package is
 * installed, hence plain JavaScript without dependencies), for the launcher, and for the TypeScript side, which reaches
 * it through workers/places.ts and workers/toolchain.ts.
 */
const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { accessSync, constants, existsSync, readFileSync, statSync } = require('node:fs');
const { homedir } = require('node:os');
const { delimiter, dirname, join, resolve } = require('node:path');
const { environmentFor } = require('./environments.cjs');

const PINS = {
  node: '20.19.0',
  python: '3.11',
  uv: '0.13.9',
  /** Oldest Go that compiles tools/temporal-cli, from its go.mod. */
  go: '1.26.4',
  temporalCli: '1.8.2',
  /** SHA-256 of that release's archives, as its checksums.txt has them. */
  temporalArchives: {
    'darwin-arm64': 'dacdc3587682c04cf27e67c8878ca2d755230b6ad63c0c6ebddd7348ae90ed94',
    'darwin-x64': '489d7f5420cae02b559774ac23df035141954c33a51dba96f5759a0ddccdf1b6',
    'linux-arm64': '83600a8fac6e3da54093e5da6918d399f501532b9f1172235603f9606f4ac6e4',
    'linux-x64': 'd8421bda989e6514b4bdb4d63a9012a8a05a806892e881a5aad8510496349a94',
  },
  /** The S3 server of the tests (versitygw); tools/s3-server/go.mod has the same. */
  s3Server: '1.8.0',
  /** Oldest Temporal server whose behaviour the workflows rely on. */
  temporalServer: '1.31',
};

/** The folder that holds bin/flamingo.js, found upwards from this file, so that it holds from sources and from dist/. */
function installationRoot() {
  let folder = __dirname;
  while (!existsSync(join(folder, 'bin', 'flamingo.js'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no bin/flamingo.js above ${__dirname}: the installation is incomplete`);
    folder = parent;
  }
  return folder;
}

/** What set-up downloads and builds, shared by all clones: `FLAMINGO_CACHE`, else `$XDG_CACHE_HOME/flamingo`, else `~/.cache/flamingo`. */
function cacheFolder() {
  if (process.env.FLAMINGO_CACHE) return resolve(process.env.FLAMINGO_CACHE);
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'flamingo');
}

/** The Python package of the trainer; it is not installed into the environment but found through PYTHONPATH. */
function trainerFolder() {
  return join(installationRoot(), 'gpu-activities', 'trainer');
}

/**
 * The Python environment for this clone's lock. Its name is the lock's hash, so that clones with equal locks share it
 * and a changed lock gets a new one instead of changing packages under a running trainer.
 */
function environmentFolder() {
  const lock = join(trainerFolder(), 'uv.lock');
  const hash = createHash('sha256').update(readFileSync(lock)).digest('hex').slice(0, 12);
  return join(cacheFolder(), 'python', `${hash}-${process.platform}-${process.arch}`);
}

/** Written last into a finished environment; without it the folder is an interrupted installation. */
function environmentMarker() {
  return join(environmentFolder(), 'flamingo-ready.json');
}

function environmentPython() {
  return join(environmentFolder(), 'bin', 'python');
}

/** False also when the interpreter that the environment was made with has been removed (a dangling link). */
function environmentReady() {
  return existsSync(environmentMarker()) && existsSync(environmentPython());
}

/** A prepared model's folder; the trainer's preparation renames it into place, so that it exists only when complete. */
function modelFolder(name) {
  const version = bundledModels()[name];
  if (version === undefined) {
    throw new Error(`there is no bundled model '${name}'; known: ${Object.keys(bundledModels()).join(', ')}`);
  }
  return join(cacheFolder(), 'models', `${name}-${version}`);
}

/** Where set-up writes the SHA-256 of each file of a prepared model, which is held against them where the model is used. */
function modelRecord(name) {
  return `${modelFolder(name)}.json`;
}

/** Name and version of the models that set-up makes. The version names the folder and rises when the result changes. */
function bundledModels() {
  return { 'smollm2-135m-instruct': '0.1.2-1' };
}

/** Where set-up puts a Temporal binary of its own. */
function cachedTemporal() {
  return join(cacheFolder(), 'temporal', `${PINS.temporalCli}-${process.platform}-${process.arch}`, 'temporal');
}

/** The S3 server that the tests run against; `npm test` builds it, set-up does not. */
function cachedS3Server() {
  return join(cacheFolder(), 's3-server', `${PINS.s3Server}-${process.platform}-${process.arch}`, 'versitygw');
}

/** The server version inside a Temporal CLI, such as `1.31.2`; a self-made build has no useful version of its own. */
function temporalServerVersion(executable) {
  const answer = spawnSync(executable, ['--version'], {
    encoding: 'utf8',
    timeout: 20_000,
    env: environmentFor('Temporal server', process.env),
  });
  if (answer.error !== undefined) throw new Error(`${executable} does not run: ${answer.error.message}`);
  const match = /Server (\d+\.\d+\.\d+)/.exec(`${answer.stdout}${answer.stderr}`);
  if (match === null) throw new Error(`${executable} --version names no server version: is it the Temporal CLI?`);
  return match[1];
}

/**
 * The Temporal binary to use, in the order: TEMPORAL_CLI_PATH, PATH, the cache.
 * A named one that does not serve is an error; one on PATH that is too old is passed over, and `passedOver` says so.
 */
function findTemporal() {
  const named = process.env.TEMPORAL_CLI_PATH;
  if (named) {
    const server = temporalServerVersion(named);
    if (!atLeast(server, PINS.temporalServer)) {
      throw new Error(`TEMPORAL_CLI_PATH=${named} has server ${server}, needed is ${PINS.temporalServer} or newer`);
    }
    return { path: resolve(named), server, from: 'TEMPORAL_CLI_PATH', passedOver: null };
  }
  const onPath = executableOnPath('temporal');
  let passedOver = null;
  if (onPath !== null) {
    try {
      const server = temporalServerVersion(onPath);
      if (atLeast(server, PINS.temporalServer)) return { path: onPath, server, from: 'PATH', passedOver };
      passedOver = `${onPath} has server ${server}, needed is ${PINS.temporalServer} or newer`;
    } catch (error) {
      passedOver = error.message;
    }
  }
  const cached = cachedTemporal();
  if (existsSync(cached)) return { path: cached, server: temporalServerVersion(cached), from: 'cache', passedOver };
  return { path: null, server: null, from: null, passedOver };
}

/** The first executable file of that name on PATH, or null. */
function executableOnPath(name) {
  for (const folder of (process.env.PATH || '').split(delimiter)) {
    if (folder === '') continue;
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // not in this folder
    }
  }
  return null;
}

/** Compares dotted numbers: `atLeast('1.31.2', '1.31')`. Anything behind the numbers is ignored. */
function atLeast(version, minimum) {
  const have = numbers(version);
  const need = numbers(minimum);
  for (let i = 0; i < need.length; i++) {
    if ((have[i] ?? 0) !== need[i]) return (have[i] ?? 0) > need[i];
  }
  return true;
}

function numbers(version) {
  return version
    .split(/[^0-9.]/, 1)[0]
    .split('.')
    .map(Number);
}

module.exports = {
  PINS,
  atLeast,
  bundledModels,
  cacheFolder,
  cachedS3Server,
  cachedTemporal,
  environmentFolder,
  environmentMarker,
  environmentPython,
  environmentReady,
  executableOnPath,
  findTemporal,
  installationRoot,
  modelFolder,
  modelRecord,
  temporalServerVersion,
  trainerFolder,
};
