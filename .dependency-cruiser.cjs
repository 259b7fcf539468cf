'use strict';
/**
 * The stack (CONTRIBUTING.md, "Where things go"): a file imports only from its own floor and from floors below it, and no
 * files import one another in a circle. Type imports count. `npm run check` runs this; test/unit/stack.test.ts plants
 * a forbidden edge and a circle and sees both refused.
 */

/** From top to bottom. `bench/` is on top, `experiment/` knows nothing of the rest. */
const FLOORS = [
  '^bench/',
  '^cli/',
  '^workers/',
  '^gpu-activities/',
  '^activities/',
  '^report/',
  '^inputs/',
  '^judge/',
  '^stand-in/',
  '^artifacts/',
  '^workflows/',
  '^experiment/(file|expand)/',
  '^experiment/[^/]+$',
];

const upward = FLOORS.slice(1).map((floor, index) => ({
  name: `no-upward-import-from-${floor}`,
  severity: 'error',
  comment: 'A floor imports only from itself and from floors below it.',
  from: { path: floor },
  to: { path: FLOORS.slice(0, index + 1) },
}));

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'Files that need one another are one file, or three.',
      from: {},
      to: { circular: true },
    },
    ...upward,
    {
      name: 'no-import-from-tests',
      severity: 'error',
      comment: 'The product does not know its tests.',
      from: { pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      name: 'experiment-is-pure',
      severity: 'error',
      comment: 'What an experiment is does not depend on the machine: hashing is all of Node that it needs.',
      from: { path: '^experiment/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'tools-stand-alone',
      severity: 'error',
      comment: 'tools/ runs before anything is installed or built.',
      from: { path: '^tools/' },
      to: { path: FLOORS },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(node_modules|dist|\\.flamingo|results)/|^gpu-activities/trainer/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    detectJSDocImports: false,
  },
};
