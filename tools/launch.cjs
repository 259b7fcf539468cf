'use strict';
/** What bin/flamingo.js does once Node is known to be recent enough: build when stale, then run the command. */
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { installationRoot } = require('./locations.cjs');
const { isStale } = require('./staleness.cjs');

const root = installationRoot();
const main = join(root, 'dist', 'cli', 'main.js');

async function launch() {
  if (isStale(root)) {
    if (!existsSync(join(root, 'node_modules', '@swc', 'core'))) {
      fail('flamingo is not set up: its packages are not installed', 'npm run setup');
    }
    const { build } = await import('./build.mjs');
    try {
      await build({ root, log: (line) => console.error(`flamingo: ${line}`) });
    } catch (error) {
      fail(`the build failed: ${error.message}`, 'npm run check, which says more about mistakes in the sources');
    }
  }
  if (!existsSync(main)) fail(`the installation is incomplete: ${main} is missing`, 'npm run build');
  // errors name lines of the TypeScript sources
  process.setSourceMapsEnabled(true);
  require(main);
}

function fail(what, remedy) {
  console.error(`${what}\nhelp: ${remedy}`);
  process.exit(2);
}

void launch();
