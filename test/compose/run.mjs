/**
 * `npm run test:compose`: starts the services of docker-compose.yml without containers, by the file: its environment, its
 * commands, its order, its health checks, in a network of its own in which the services' names are this machine. What stands for
 * the images are the same programs of the same versions: PostgreSQL from the system, Temporal's server, schema tool and UI and
 * the S3 server built from their modules (kept in the cache; about six minutes on two cores the first time), and this clone's
 * workers. Not executed are the images themselves and the file's ports, restart policies and GPU reservation.
 *
 * Needs Linux, root (for the network of its own, and to start PostgreSQL as another user), Go, and PostgreSQL 15 or newer.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../../tools/build.mjs';
import { cachedS3Server, findTemporal, installationRoot } from '../../tools/locations.cjs';
import { buildPrograms, moduleFolder } from './programs.mjs';
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
async function outside() {
  if (process.getuid?.() !== 0)
    throw new Error('npm run test:compose needs root on Linux: it makes a network of its own');
  await build({ root });
  await buildPrograms(root);
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
    ],
    { stdio: 'inherit' },
  );
  process.exitCode = status ?? (signal === null ? 1 : 128);
}

async function inside() {
  const data = mkdtempSync(join(tmpdir(), 'flamingo-compose-'));
  chmodSync(data, 0o755);
  try {
    const compose = readCompose(root, GIVEN);
    nameServices(Object.keys(compose.services), data);
    const run = new Run(compose, data, programs(data));
    for (const name of startOrder(compose.services)) await run.start(name);
    await run.check();
    console.log('docker-compose.yml: every service came up as the file says');
  } finally {
    if (process.exitCode === undefined && !process.env.FLAMINGO_COMPOSE_KEEP)
      rmSync(data, { recursive: true, force: true });
    else console.log(`logs: ${data}`);
  }
  process.exit();
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
  const { server, sql, ui } = moduleFolder.binaries();
  const links = {
    'temporal-server': server,
    'temporal-sql-tool': sql,
    'ui-server': ui,
    versitygw: cachedS3Server(),
    temporal: findTemporal().path,
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(bin, name));
  writeFileSync(join(bin, 'nc'), '#!/bin/bash\n[ "$1" = -z ] && exec 3<>"/dev/tcp/$2/$3"\n', { mode: 0o755 });
  const versions = '/usr/lib/postgresql';
  const newest = existsSync(versions) ? readdirSync(versions).sort((a, b) => Number(b) - Number(a))[0] : undefined;
  if (newest === undefined) throw new Error('PostgreSQL is missing (Debian, Ubuntu: apt-get install postgresql)');
  return `${bin}:${join(versions, newest, 'bin')}:${process.env.PATH}`;
}

if (process.argv[2] === INSIDE) await inside();
else await outside();
