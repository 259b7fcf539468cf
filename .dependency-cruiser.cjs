'use strict';
/**
 * The stack (CONTRIBUTING.md, "Where things go"): a file imports only from its own floor and from floors below it, and no
 * files import one another in a circle. Type imports count. `npm run check` runs this; test/unit/stack.test.ts plants
 * a forbidden edge and a circle and sees both refused.
 */

/** The floors from top to bottom, each with the name that a violation is reported by. */
const FLOORS = [
  { name: 'bench', path: '^bench/' },
  { name: 'cli', path: '^cli/' },
  { name: 'workers', path: '^workers/' },
  { name: 'gpu-activities', path: '^gpu-activities/' },
  { name: 'activities', path: '^activities/' },
  { name: 'report', path: '^report/' },
  { name: 'inputs', path: '^inputs/' },
  { name: 'judge', path: '^judge/' },
  { name: 'stand-in', path: '^stand-in/' },
  { name: 'artifacts', path: '^artifacts/' },
  { name: 'workflows', path: '^workflows/' },
  // side by side: a file becomes a spec without knowing what a plan is made of, and the other way round
  { name: 'experiment-file-and-expand', path: '^experiment/(file|expand)/' },
  { name: 'experiment-nouns', path: '^experiment/[^/]+$' },
];

const upward = FLOORS.slice(1).map(({ name, path }, index) => ({
  name: `${name}-imports-only-from-below`,
  severity: 'error',
  comment: 'A floor imports only from itself and from floors below it.',
  from: { path },
  to: { path: FLOORS.slice(0, index + 1).map((above) => above.path) },
}));

/** What is handed what it needs of the machine by the programs above it. */
const belowPrograms = FLOORS.slice(FLOORS.findIndex(({ name }) => name === 'workers') + 1);

const apart = [
  ['file', 'expand'],
  ['expand', 'file'],
].map(([one, other]) => ({
  name: `experiment-${one}-without-${other}`,
  severity: 'error',
  comment:
    'experiment/file makes a spec of a file, experiment/expand a plan of a spec; what both need lies in experiment/.',
  from: { path: `^experiment/${one}/` },
  to: { path: `^experiment/${other}/` },
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
    ...apart,
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
      name: 'tools-are-for-programs',
      severity: 'error',
      comment: 'Only programs look for what set-up made; what is below them is handed it.',
      from: { path: belowPrograms.map(({ path }) => path) },
      to: { path: '^tools/' },
    },
    {
      name: 'tools-stand-alone',
      severity: 'error',
      comment: 'tools/ runs before anything is installed or built.',
      from: { path: '^tools/' },
      to: { path: FLOORS.map(({ path }) => path) },
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
