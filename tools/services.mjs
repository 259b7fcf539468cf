/**
 * Builds the programs of services.cjs from their Go modules, once (about ten minutes on two cores), and keeps them in the cache.
 *
 *   node tools/services.mjs
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, executableOnPath } from './locations.cjs';
import { Progress, SetUpError, installerEnvironment, runLogged } from './progress.mjs';

const require = createRequire(import.meta.url);
const { PROGRAMS, programPath, versionOf } = require('./services.cjs');

export async function setUpServices(progress) {
  for (const name of Object.keys(PROGRAMS)) {
    const { module, command } = PROGRAMS[name];
    const target = programPath(name);
    await progress.ensure(`${module}/${command} ${versionOf(name)}`, {
      lock: 'services',
      present: () => existsSync(target),
      make: () => build(progress, name, target),
    });
  }
}

async function build(progress, name, target) {
  if (executableOnPath('go') === null)
    throw new SetUpError('Temporal’s server can not be built: there is no Go', 'install Go (https://go.dev/dl)');
  const { module, command, kept } = PROGRAMS[name];
  const folder = dirname(target);
  const temporary = `${folder}.${process.pid}.tmp`;
  mkdirSync(temporary, { recursive: true });
  await progress.step(`${module}/${command} ${versionOf(name)} (go install, some minutes)`, async () => {
    try {
      await runLogged('go', ['install', '-trimpath', '-ldflags=-s -w', `${module}/${command}@v${versionOf(name)}`], {
        cwd: cacheFolder(),
        env: { ...installerEnvironment(), GOBIN: temporary, GOFLAGS: '', GOWORK: 'off', CGO_ENABLED: '0' },
        log: join(cacheFolder(), 'logs', `${kept}-build.log`),
        remedy: 'check that the Go module proxy is reachable, then: node tools/services.mjs',
      });
      renameSync(temporary, folder);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  });
}

/** Where its module's sources lie, with what its image copies out of them; they are fetched where they are missing. */
export function sourcesOf(name) {
  const { module } = PROGRAMS[name];
  const words = ['mod', 'download', '-json', `${module}@v${versionOf(name)}`];
  return JSON.parse(execFileSync('go', words, { cwd: cacheFolder(), env: installerEnvironment(), encoding: 'utf8' }))
    .Dir;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await setUpServices(new Progress());
  } catch (error) {
    console.error(error.remedy ? `error: ${error.message}\nhelp: ${error.remedy}` : error.stack);
    process.exitCode = 1;
  }
}
