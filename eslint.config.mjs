/**
 * ESLint: typescript-eslint with types, and three rules of this house. Workflow code is replayed, so it may use neither Node
 * built-ins nor anything that is not deterministic; no promise is left floating; and only the programs read the
 * environment. Which folder may import which is held by .dependency-cruiser.cjs.
 */
import { builtinModules } from 'node:module';
import tseslint from 'typescript-eslint';

const onlyDynamic = {
  group: ['vega', 'vega-lite'],
  allowTypeImports: true,
  message: "It has a top-level await and can not be required: `const vega = await import('vega')`.",
};

const notFromWorkflows = [
  {
    group: builtinModules.flatMap((name) => [name, `node:${name}`]),
    message: 'Workflow code is replayed: no Node built-ins.',
  },
  {
    regex: '^@temporalio/(activity|client|worker)',
    allowTypeImports: true,
    message: 'Workflow code may import only types from here (`import type`).',
  },
];

const thrownByTable = {
  selector: "CallExpression[callee.object.name='ApplicationFailure'], NewExpression[callee.name='ApplicationFailure']",
  message: 'Failures are thrown by `failure` with a type of the table in workflows/failures.ts.',
};

const printedByOutput = {
  selector: "CallExpression[callee.object.object.name='process'][callee.property.name='write']",
  message: 'Printed by say, print and printJson of cli/output.ts: a line may quote what comes from outside.',
};

const ownColours = {
  group: ['picocolors'],
  message: 'Colours come from cli/paint.ts, so that outside text can not bring its own escape sequences.',
};

/** Programs of their own, and, for a reason each, files that still read the environment. */
const MAY_READ_ENVIRONMENT = [
  'stand-in/main.ts', // a program of its own
];

export default tseslint.config(
  {
    ignores: ['dist/', 'node_modules/', '.flamingo/', 'results/', 'coverage/', 'gpu-activities/trainer/', '**/*.d.cts'],
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
      ],
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: [onlyDynamic] }],
      // an implementation of an asynchronous interface need not wait for anything
      '@typescript-eslint/require-await': 'off',
      // numbers in messages are what one means
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: notFromWorkflows }],
      'no-restricted-globals': ['error', 'process', 'Buffer', 'setImmediate', 'require'],
    },
  },
  {
    files: ['**/*.ts'],
    ignores: ['workflows/failures.ts', 'test/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', thrownByTable] },
  },
  {
    files: ['gpu-activities', 'activities', 'report', 'inputs', 'judge', 'stand-in', 'artifacts', 'experiment'].map(
      (folder) => `${folder}/**/*.ts`,
    ),
    ignores: MAY_READ_ENVIRONMENT,
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'cli/ and workers/ read the environment and hand down what is needed (docs/environment.md).',
        },
      ],
      'no-restricted-imports': ['error', { paths: ['process', 'node:process'] }],
    },
  },
  {
    files: ['cli/**/*.ts'],
    ignores: ['cli/output.ts', 'cli/paint.ts', 'cli/screen.ts', 'cli/frame.ts'],
    rules: {
      'no-restricted-syntax': ['error', thrownByTable, printedByOutput],
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: [onlyDynamic, ownColours] }],
    },
  },
  { files: ['tools/**/*.ts', 'bench/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['test/**/*.ts'],
    rules: {
      // a fake answers with whatever the test needs
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-unused-vars': ['error', { varsIgnorePattern: '^_', caughtErrors: 'none' }],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  // runs on Node versions that know nothing newer
  { files: ['bin/flamingo.js'], rules: { 'no-var': 'off' } },
);
