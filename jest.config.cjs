'use strict';
/**
 * Test projects: `npx jest --selectProjects unit`, `npx jest test/unit/judge`. `npm test` runs unit and replay, then integration
 * and browser; `npm run test:studies`, `npm run test:faults` and `npm run test:fuzz` run theirs.
 */
const { join } = require('node:path');

/** Packages that exist as ES modules only: jest loads CommonJS, so these are compiled too. */
const esModules = [
  'ansi-[^/]*',
  'cli-cursor',
  'vega[^/]*',
  'd3(-[^/]*)?',
  'csv-parse',
  'csv-stringify',
  'delaunator',
  'environment',
  'get-east-asian-width',
  'get-port',
  'internmap',
  'is-fullwidth-code-point',
  'json-stringify-pretty-compact',
  'log-update',
  'long',
  'mimic-function',
  'onetime',
  'p-limit',
  'restore-cursor',
  'robust-predicates',
  'slice-ansi',
  'string-width',
  'strip-ansi',
  'wrap-ansi',
  'yocto-queue',
];

const compile = {
  jsc: { target: 'es2023', parser: { syntax: 'typescript' }, keepClassNames: true },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
};

/** One project: a folder under test/. `seconds` is the time limit of a single test. */
function project(name, seconds) {
  return {
    displayName: name,
    rootDir: __dirname,
    roots: [`<rootDir>/test/${name}`],
    testMatch: ['**/*.test.ts'],
    testEnvironment: 'node',
    // jest never compiles .mjs; the d3 packages have a CommonJS build under this condition
    testEnvironmentOptions: { customExportConditions: ['node', 'node-addons', 'umd'] },
    moduleNameMapper: {
      // the one part of vega with a top-level await, in search of a package that is not installed; this build does without
      '^vega-canvas$': '<rootDir>/node_modules/vega-canvas/build/vega-canvas.browser.js',
      // jest runs the sources, and there the page's style and script are not bundled
      '^\\./page-assets$': '<rootDir>/test/support/page-assets.ts',
    },
    // `testTimeout` has no effect inside a project: limits.ts sets it
    globals: { secondsPerTest: seconds },
    setupFilesAfterEnv: ['<rootDir>/test/support/limits.ts'],
    transform: { '\\.[cm]?[jt]s$': ['@swc/jest', compile] },
    transformIgnorePatterns: [`/node_modules/(?!(${esModules.join('|')})/)`, '/dist/', '\\.cjs$'],
    modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.flamingo/', '<rootDir>/results/'],
  };
}

module.exports = {
  // not in the folder for temporary files, which `npm test` has anew each time
  cacheDirectory: join(__dirname, 'node_modules', '.cache', 'jest'),
  // two test files at once also on a large machine: several start a Temporal server or a Python process of their own
  maxWorkers: 2,
  // what a test file leaves behind (memory, hooks of asynchronous calls) makes all later ones of its process slower
  workerIdleMemoryLimit: '500MB',
  projects: [
    project('unit', 20),
    project('replay', 60),
    project('integration', 300),
    project('studies', 300),
    project('faults', 900),
    project('fuzz', 60),
    project('browser', 120),
  ],
};
