/**
 * `npm run setup`: everything a fresh clone needs, each part skipped when it is there. Plain Node without packages, since
 * it is what installs them.
 *
 *   node tools/setup.mjs [--quiet]     --quiet says nothing about what is there already
 *
 * What it makes lies outside the clone (FLAMINGO_CACHE, else ~/.cache/flamingo), appears under its name only when it is
 * complete, and needs no network afterwards. Interrupting is safe: run it again.
 */
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { installPackages } from './packages.mjs';
import { Progress, SetUpError, stopRunning } from './progress.mjs';
import { setUpPython } from './python.mjs';
import { setUpTemporal } from './temporal.mjs';

const { PINS, atLeast, cacheFolder } = createRequire(import.meta.url)('./locations.cjs');

/** Runs all steps; rejects with `SetUpError` when some part could not be made (the others are made all the same). */
export async function setUp({ quiet = false } = {}) {
  const progress = new Progress({ quiet });
  checkPlatform();
  progress.present(`Node ${process.versions.node}`);
  makeCache();
  const interrupted = (signal) => {
    stopRunning();
    progress.note('interrupted; what is complete stays: npm run setup goes on');
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    // the Temporal binary may have to be compiled for minutes, the Python environment is mostly downloads
    const ends = await Promise.allSettled([setUpTemporal(progress), installPackages(progress), setUpPython(progress)]);
    const failures = ends.filter((end) => end.status === 'rejected').map((end) => end.reason);
    if (failures.length > 0) throw new SetUpError(failures.map(explain).join('\n\n'), null);
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}

function checkPlatform() {
  if (!atLeast(process.versions.node, PINS.node)) {
    throw new SetUpError(
      `Flamingo needs Node ${PINS.node} or newer; this is ${process.version} (${process.execPath})`,
      'install a current Node from https://nodejs.org, or with nvm: nvm install 22',
    );
  }
  if (process.platform === 'win32') {
    throw new SetUpError(
      'Flamingo runs on Linux and macOS',
      'on Windows use WSL: https://learn.microsoft.com/windows/wsl',
    );
  }
}

function makeCache() {
  try {
    mkdirSync(cacheFolder(), { recursive: true });
  } catch (error) {
    throw new SetUpError(
      `the cache folder can not be made: ${error.message}`,
      'name a folder you may write to in FLAMINGO_CACHE',
    );
  }
}

/** What a person needs to know of a failure: what, and what to do. */
export function explain(error) {
  if (!(error instanceof SetUpError)) return `error: ${error.stack}`;
  return error.remedy === null ? error.message : `error: ${error.message}\nhelp: ${error.remedy}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await setUp({ quiet: process.argv.includes('--quiet') });
  } catch (error) {
    console.error(`\n${explain(error)}`);
    process.exitCode = 1;
  }
}
