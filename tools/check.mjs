/**
 * `npm run check`: types, ESLint, Prettier, and for Python ruff and the order of imports; says what all of them find
 * before it fails.
 * `npm run format` (--fix) writes what can be mended by itself.
 */
import { join } from 'node:path';
import { environmentFolder, installationRoot, trainerFolder } from './locations.cjs';
import { leaveInterruptsToChildren, runProgram, sumUp } from './programs.mjs';
import { explain, setUp } from './setup.mjs';
import { SOURCE_FOLDERS } from './staleness.cjs';

leaveInterruptsToChildren();
try {
  await setUp({ quiet: true });
} catch (error) {
  console.error(`\n${explain(error)}`);
  process.exit(1);
}

const fix = process.argv.includes('--fix');
const node = (path, ...args) => ({
  command: process.execPath,
  args: [join(installationRoot(), 'node_modules', path), ...args],
});
const python = (program, ...args) => ({
  command: join(environmentFolder(), 'bin', program),
  args,
  cwd: trainerFolder(),
  // lint-imports finds the trainer in that folder, and the benchmark as the package bench.gpu of this one
  env: { ...process.env, PYTHONPATH: installationRoot() },
});
const benchmarks = ['gpu', 'faults'].map((folder) => join(installationRoot(), 'bench', folder));
const ruff = (...args) => python('ruff', ...args, '.', ...benchmarks);

const programs = fix
  ? [
      { name: 'eslint --fix', ...node('eslint/bin/eslint.js', '--fix', '.') },
      { name: 'prettier --write', ...node('prettier/bin/prettier.cjs', '--write', '--log-level', 'warn', '.') },
      { name: 'ruff check --fix', ...ruff('check', '--fix') },
      { name: 'ruff format', ...ruff('format') },
    ]
  : [
      { name: 'types', ...node('typescript/bin/tsc', '-p', '.') },
      { name: 'types of the page’s script', ...node('typescript/bin/tsc', '-p', 'report/page') },
      { name: 'eslint', ...node('eslint/bin/eslint.js', '--max-warnings', '0', '.') },
      {
        name: 'stack',
        ...node('dependency-cruiser/bin/dependency-cruise.mjs', '--output-type', 'err', ...SOURCE_FOLDERS),
      },
      { name: 'prettier', ...node('prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.') },
      { name: 'ruff check', ...ruff('check') },
      { name: 'ruff format', ...ruff('format', '--check') },
      { name: 'python imports', ...python('lint-imports', '--no-cache', '--no-logo') },
    ];

const results = [];
for (const program of programs) results.push(await runProgram(program));
const code = sumUp(results);
process.exitCode ??= code;
