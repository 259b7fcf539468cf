/**
 * Set-up's steps for Python: uv, the trainer's environment from its lock, and the small model.
 * The environment lies in the cache under its lock's hash; the trainer itself is not installed into it (PYTHONPATH), so
 * that several clones share one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetUpError, installerEnvironment, runLogged } from './progress.mjs';

const require = createRequire(import.meta.url);
const locations = require('./locations.cjs');
const { recordModel } = require('./record-model.cjs');
const { pythonOptions } = require('./start-python.cjs');
const { PINS, atLeast, cacheFolder, executableOnPath, trainerFolder } = locations;

/** The pinned uv with the hash of each of its wheels, as the Python package index lists them. */
const UV_REQUIREMENTS = fileURLToPath(new URL('uv-requirements.txt', import.meta.url));
/** For `pip install`. A wheel, not the source: to build that would run what no hash of ours covers. */
export const HASHED = ['--require-hashes', '--only-binary=:all:', '-r', UV_REQUIREMENTS];

/** torch for Linux comes with CUDA: 5.3 GB installed, plus the download cache beside it. */
const ENVIRONMENT_BYTES = 8e9;
const NEW_PYTHON = `install Python ${PINS.python} or newer (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python), or name one in FLAMINGO_PYTHON`;

export async function setUpPython(progress) {
  await progress.ensure('Python environment', {
    lock: 'python',
    present: locations.environmentReady,
    make: () => makeEnvironment(progress),
  });
  for (const name of Object.keys(locations.bundledModels())) {
    await progress.ensure(`model ${name}`, {
      lock: `model-${name}`,
      present: () => existsSync(locations.modelFolder(name)) && existsSync(locations.modelRecord(name)),
      make: () => prepareModel(progress, name),
    });
  }
}

async function makeEnvironment(progress) {
  const python = findPython();
  needSpace();
  const uv = await findUv(progress, python);
  const folder = locations.environmentFolder();
  await progress.step('Python environment (uv sync; torch is large: up to some minutes the first time)', async () => {
    // uv mends a half-made environment, but not one whose interpreter has been removed
    if (existsSync(folder) && !existsSync(locations.environmentPython())) rmSync(folder, { recursive: true });
    await runLogged(uv, ['sync', '--frozen', '--no-install-project', '--python', python.path], {
      cwd: trainerFolder(),
      env: { ...installerEnvironment(), UV_PROJECT_ENVIRONMENT: folder, UV_NO_PROGRESS: '1' },
      log: join(cacheFolder(), 'logs', 'uv-sync.log'),
      remedy: 'check that the Python package index is reachable and the disk is not full, then: npm run setup',
    });
    const ready = { python: python.version, lock: 'gpu-activities/trainer/uv.lock', at: new Date().toISOString() };
    writeFileSync(locations.environmentMarker(), `${JSON.stringify(ready)}\n`);
  });
}

/** `FLAMINGO_PYTHON`, else the first of the usual names that is recent enough. */
export function findPython() {
  const seen = [];
  const names = process.env.FLAMINGO_PYTHON
    ? [process.env.FLAMINGO_PYTHON]
    : ['python3', 'python3.13', 'python3.12', 'python3.11'];
  for (const name of names) {
    const answer = spawnSync(
      name,
      // any Python may answer here, so -I, which all of them know: nothing of the working folder, no PYTHONPATH
      ['-I', '-c', 'import sys, platform; print(sys.executable); print(platform.python_version())'],
      { encoding: 'utf8', env: installerEnvironment() },
    );
    if (answer.status !== 0) continue;
    const [path, version] = answer.stdout.trim().split('\n');
    if (atLeast(version, PINS.python)) return { path, version };
    seen.push(`${path} is ${version}`);
  }
  throw new SetUpError(
    `Python ${PINS.python} or newer was not found${seen.length > 0 ? ` (${seen.join(', ')})` : ''}`,
    NEW_PYTHON,
  );
}

function needSpace() {
  mkdirSync(cacheFolder(), { recursive: true });
  const { bavail, bsize } = statfsSync(cacheFolder());
  if (bavail * bsize >= ENVIRONMENT_BYTES) return;
  throw new SetUpError(
    `${cacheFolder()} has ${((bavail * bsize) / 1e9).toFixed(1)} GB free, the Python environment needs ${ENVIRONMENT_BYTES / 1e9} GB`,
    'free some space, or name a folder on another disk in FLAMINGO_CACHE',
  );
}

/** A uv of the pinned minor version or newer on PATH, else a private one from the Python package index. */
async function findUv(progress, python) {
  const onPath = executableOnPath('uv');
  if (onPath !== null) {
    const version = /uv (\S+)/.exec(
      spawnSync(onPath, ['--version'], { encoding: 'utf8', env: installerEnvironment() }).stdout ?? '',
    )?.[1];
    const minor = PINS.uv.split('.').slice(0, 2).join('.');
    if (version !== undefined && atLeast(version, minor)) return onPath;
  }
  const folder = join(cacheFolder(), `uv-${PINS.uv}`);
  const uv = join(folder, 'bin', 'uv');
  if (existsSync(uv)) return uv;
  await progress.step(`uv ${PINS.uv}`, async () => {
    const temporary = `${folder}.${process.pid}.tmp`;
    rmSync(temporary, { recursive: true, force: true });
    await runLogged(
      python.path,
      ['-I', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-deps', '--target', temporary, ...HASHED],
      {
        log: join(cacheFolder(), 'logs', 'uv-install.log'),
        remedy:
          'install uv yourself (https://docs.astral.sh/uv), or pip (Debian, Ubuntu: apt-get install python3-pip), then: npm run setup',
      },
    );
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
  });
  return uv;
}

/** The trainer makes the folder beside its place and renames it, so an interrupted preparation leaves nothing that counts. */
async function prepareModel(progress, name) {
  mkdirSync(join(cacheFolder(), 'models'), { recursive: true });
  await progress.step(`model ${name} (under a minute)`, async () => {
    // leaves a model alone that is there
    await runLogged(
      locations.environmentPython(),
      ['-m', 'flamingo_trainer', 'prepare-model', locations.modelFolder(name)],
      {
        ...pythonOptions('helper', process.env),
        log: join(cacheFolder(), 'logs', `${name}.log`),
        remedy: 'npm run setup; if it fails again, the log says where',
      },
    );
    recordModel(locations.modelFolder(name), locations.modelRecord(name));
  });
}
