/**
 * `npm run test:compose [-- --namespaces N]`: starts the services of docker-compose.yml without containers, by the file: its
 * environment, its commands, its order, its health checks, in a network of its own in which the services' names are this machine.
 * Then an experiment runs through them, and N further ones (default: 5) in namespaces that nobody has made.
 *
 * What stands for the images are the same programs of the same versions: PostgreSQL from the system, Temporal's server, schema tool
 * and UI and the S3 server built from their modules (tools/services.mjs), and this clone's workers, with what the Dockerfiles' last
 * `ENV` lines set, on a clone that they can not write to, as in the image. Not executed are the images themselves
 * and the file's ports, restart policies and GPU reservation.
 *
 * Needs Linux, root (for the network of its own), Go, and PostgreSQL 15 or newer.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from '../../tools/build.mjs';
import { cachedS3Server, findTemporal, installationRoot } from '../../tools/locations.cjs';
import { Progress } from '../../tools/progress.mjs';
import { setUpS3Server } from '../../tools/s3-server.mjs';
import { postgresqlFolder, programPath } from '../../tools/services.cjs';
import { setUpServices, sourcesOf } from '../../tools/services.mjs';
import { setUp } from '../../tools/setup.mjs';
import { Client } from './client.mjs';
import { readCompose, startOrder } from './services.mjs';
import { Run } from './started.mjs';

const root = installationRoot();
const INSIDE = 'inside';
/** Made up. */
const GIVEN = {
  POSTGRES_PASSWORD: 'password-of-nobody',
  STORE_ACCESS_KEY: 'storage-key-of-nobody',
  STORE_SECRET_KEY: 'storage-secret-of-nobody',
  ANTHROPIC_API_KEY: 'key-of-nobody',
};

/** Builds what is missing while there is a network, then goes on in namespaces that end with this process. */
async function outside(args) {
  if (process.getuid?.() !== 0)
    throw new Error('npm run test:compose needs root on Linux: it makes a network of its own');
  await setUp({ quiet: true });
  await build({ root });
  await setUpServices(new Progress());
  await setUpS3Server(new Progress());
  // of these the images hold more than the program
  for (const name of ['server', 'ui']) sourcesOf(name);
  const { status, signal } = spawnSync(
    'unshare',
    [
      '--mount',
      '--net',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      process.execPath,
      fileURLToPath(import.meta.url),
      INSIDE,
      ...args,
    ],
    { stdio: 'inherit' },
  );
  process.exitCode = status ?? (signal === null ? 1 : 128);
}

async function inside(args) {
  const { values } = parseArgs({ args, options: { namespaces: { type: 'string', default: '5' } } });
  const data = mkdtempSync(join(tmpdir(), 'flamingo-compose-'));
  try {
    makeReadOnly(root);
    const compose = readCompose(root, GIVEN);
    nameServices(Object.keys(compose.services), data);
    const path = programs(data);
    const run = new Run(compose, data, path);
    for (const name of startOrder(compose.services)) await run.start(name);
    await run.check();
    console.log('docker-compose.yml: every service came up as the file says');
    const client = new Client(compose, data, path);
    await client.experiment();
    await client.freshNamespaces(Number(values.namespaces));
    run.requireRunning();
  } finally {
    if (process.exitCode === undefined && !process.env.FLAMINGO_COMPOSE_KEEP)
      rmSync(data, { recursive: true, force: true });
    else console.log(`logs: ${data}`);
  }
  process.exit();
}

/** In this mount namespace: what lies in an image is root's there, and the workers are not root. */
function makeReadOnly(folder) {
  execFileSync('mount', ['--bind', folder, folder]);
  execFileSync('mount', ['-o', 'remount,bind,ro', folder]);
}

/** The names under which containers find one another all lead to this machine, whose own name is one of them. */
function nameServices(names, data) {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const host = execFileSync('hostname', { encoding: 'utf8' }).trim();
  writeFileSync(join(data, 'hosts'), `127.0.0.1 localhost ${host} ${names.join(' ')}\n`);
  execFileSync('mount', ['--bind', join(data, 'hosts'), '/etc/hosts']);
}

/** A folder for PATH with the names that the images have; busybox's `nc -z` is written out. */
function programs(data) {
  const bin = join(data, 'bin');
  mkdirSync(bin);
  const links = {
    'temporal-server': programPath('server'),
    'temporal-sql-tool': programPath('sql'),
    'ui-server': programPath('ui'),
    versitygw: cachedS3Server(),
    temporal: findTemporal().path,
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(bin, name));
  writeFileSync(join(bin, 'nc'), '#!/bin/bash\n[ "$1" = -z ] && exec 3<>"/dev/tcp/$2/$3"\n', { mode: 0o755 });
  const postgresql = postgresqlFolder();
  if (postgresql === null) throw new Error('PostgreSQL is missing (Debian, Ubuntu: apt-get install postgresql)');
  return `${bin}:${postgresql}:${process.env.PATH}`;
}

const [first, ...rest] = process.argv.slice(2);
if (first === INSIDE) await inside(rest);
else await outside(process.argv.slice(2));
