/**
 * The programs of the images in docker-compose.yml, in the versions of the images' tags: built from their Go modules once, and
 * kept in the cache.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setUpS3Server } from '../../tools/s3-server.mjs';
import { cacheFolder, installationRoot } from '../../tools/locations.cjs';
import { Progress } from '../../tools/progress.mjs';

const MODULES = {
  server: {
    module: 'go.temporal.io/server',
    command: 'cmd/server',
    binary: 'server',
    image: 'temporalio/server',
    kept: 'temporal-server',
  },
  sql: {
    module: 'go.temporal.io/server',
    command: 'cmd/tools/sql',
    binary: 'sql',
    image: 'temporalio/admin-tools',
    kept: 'temporal-sql-tool',
  },
  ui: {
    module: 'github.com/temporalio/ui-server/v2',
    command: 'cmd/server',
    binary: 'server',
    image: 'temporalio/ui',
    kept: 'temporal-ui',
  },
};

function versionOf({ image }) {
  const text = readFileSync(join(installationRoot(), 'docker-compose.yml'), 'utf8');
  const found = new RegExp(`image: ${image}:(\\S+)`).exec(text);
  if (found === null) throw new Error(`docker-compose.yml has no image ${image}`);
  return found[1];
}

function pathOf(program) {
  return join(cacheFolder(), 'services', `${program.kept}-${versionOf(program)}`, program.binary);
}

export async function buildPrograms() {
  for (const program of Object.values(MODULES)) {
    const target = pathOf(program);
    if (existsSync(target)) continue;
    const folder = join(target, '..');
    console.log(`building ${program.module}/${program.command} ${versionOf(program)}`);
    mkdirSync(join(folder, '..'), { recursive: true });
    execFileSync('go', ['install', '-ldflags=-s -w', `${program.module}/${program.command}@v${versionOf(program)}`], {
      env: { ...process.env, GOBIN: `${folder}.partial`, GOFLAGS: '-trimpath' },
      cwd: cacheFolder(),
      stdio: 'inherit',
    });
    renameSync(`${folder}.partial`, folder);
  }
  await setUpS3Server(new Progress());
}

/** Where a module's sources lie, with what its image copies out of them. */
function sourcesOf(program) {
  const modules = execFileSync('go', ['env', 'GOMODCACHE'], { encoding: 'utf8' }).trim();
  return join(modules, `${program.module}@v${versionOf(program)}`);
}

export const moduleFolder = {
  server: () => sourcesOf(MODULES.server),
  ui: () => sourcesOf(MODULES.ui),
  binaries: () => ({ server: pathOf(MODULES.server), sql: pathOf(MODULES.sql), ui: pathOf(MODULES.ui) }),
};
