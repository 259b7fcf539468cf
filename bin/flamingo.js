#!/usr/bin/env node
'use strict';
/**
 * The launcher behind `npx flamingo …`: checks Node, builds dist/ when it is missing or older than the sources, and hands
 * over to it. Plain old JavaScript up to the version check, so that an old Node gets the message and no syntax error.
 */
var NEEDED = [20, 19];
var have = process.versions.node.split('.').map(Number);
if (have[0] < NEEDED[0] || (have[0] === NEEDED[0] && have[1] < NEEDED[1])) {
  console.error(
    'flamingo needs Node ' +
      NEEDED.join('.') +
      ' or newer; this is ' +
      process.version +
      ' (' +
      process.execPath +
      ').\n' +
      'help: install a current Node from https://nodejs.org, or with nvm: nvm install 22',
  );
  process.exit(2);
}
require('../tools/launch.cjs');
