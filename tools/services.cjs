'use strict';
/**
 * Temporal's production server and what it runs on, on this machine, without containers: the programs that the images of docker-compose.yml
 * hold, in the versions of the images' tags (services.mjs builds them), and PostgreSQL from the system. `npm run test:compose`
 * and the fault campaign share them.
 */
const { existsSync, readFileSync, readdirSync } = require('node:fs');
const { join } = require('node:path');
const { cacheFolder, installationRoot } = require('./locations.cjs');

const POSTGRESQL = '/usr/lib/postgresql';
/** Oldest that Temporal's schema is made for, as a number. */
const OLDEST_POSTGRESQL = 12;

const PROGRAMS = {
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

/** The tag of its image in docker-compose.yml. */
function versionOf(name) {
  const { image } = PROGRAMS[name];
  const text = readFileSync(join(installationRoot(), 'docker-compose.yml'), 'utf8');
  const found = new RegExp(`image: ${image}:(\\S+)`).exec(text);
  if (found === null) throw new Error(`docker-compose.yml has no image ${image}`);
  return found[1];
}

/** Where its binary lies once it is built. */
function programPath(name) {
  const { kept, binary } = PROGRAMS[name];
  return join(cacheFolder(), 'services', `${kept}-${versionOf(name)}`, binary);
}

/** The folder of the newest PostgreSQL's programs; null where there is none, as Debian and Ubuntu lay them out. */
function postgresqlFolder() {
  if (!existsSync(POSTGRESQL)) return null;
  const versions = readdirSync(POSTGRESQL)
    .map(Number)
    .filter((version) => version >= OLDEST_POSTGRESQL);
  if (versions.length === 0) return null;
  return join(POSTGRESQL, String(Math.max(...versions)), 'bin');
}

/**
 * What stands before PostgreSQL's programs, which refuse to be started by root: a namespace in which its user has another
 * number. Files stay root's own, so that no folder above them has to be opened to anybody.
 */
function notAsRoot() {
  return process.getuid() === 0 ? ['unshare', '--user', '--map-user=1000', '--map-group=1000'] : [];
}

module.exports = { PROGRAMS, notAsRoot, postgresqlFolder, programPath, versionOf };
