/**
 * `npm test`: set-up, build, the S3 server of the tests, then jest (unit and replay; integration and browser) and the
 * trainer's pytest. `npm run test:studies` (--studies): whole experiments on the bundled model and on tiny ones. `npm run test:faults`
 * (--faults): the tests that kill things. `npm run test:fuzz` (--fuzz): readers on made-up inputs, a minute each, or
 * FLAMINGO_FUZZ_SECONDS, one after the other. All others run two files at a time.
 * `npm run test:faults -- --minutes N` is the fault campaign instead (bench/faults/main.ts); without, a short one follows the tests.
 * Further arguments go to jest: `npm test -- --testPathPatterns judge`; pytest is left out then.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { environmentPython, executableOnPath, installationRoot, trainerFolder } from './locations.cjs';
import { leaveInterruptsToChildren, runProgram, sumUp } from './programs.mjs';
import { Progress } from './progress.mjs';
import { setUpS3Server } from './s3-server.mjs';
import { explain, setUp } from './setup.mjs';

const [, , first] = process.argv;
const apart = ['studies', 'faults', 'fuzz'].find((project) => first === `--${project}`);
/** The campaign has an option --faults of its own, so only the first word is package.json's. */
const forJest = process.argv.slice(apart === undefined ? 2 : 3);
/** Options of the fault campaign, one of which asks for it in place of the tests. */
const isCampaign = apart === 'faults' && forJest.some((argument) => /^--(minutes|list|table)\b/.test(argument));
/** At the end of the tests that kill things: a short one, always the same. */
const SHORT_CAMPAIGN = ['--minutes', '3', '--seed', '1'];
/** Counts of what passed, and all temporary folders of jest's tests: it is gone at the end. */
const scratch = mkdtempSync(join(tmpdir(), 'flamingo-tests-'));
leaveInterruptsToChildren();

try {
  await setUp({ quiet: true });
  if (apart === undefined || apart === 'faults') await setUpS3Server(new Progress({ quiet: true }));
  await build();
} catch (error) {
  console.error(`\n${explain(error)}`);
  process.exit(1);
}

// two OpenMP threads on two busy cores spin more than they compute
const env = { ...process.env, OMP_NUM_THREADS: '1', TOKENIZERS_PARALLELISM: 'false' };
// a test that fails may leave a child process behind, for which jest would wait for ever
const processes = ['--forceExit'];
// what a reader takes is measured in time
const alone = ['--runInBand', '--forceExit'];
const results = [];
const runs = isCampaign
  ? [campaign(forJest)]
  : apart
    ? [
        jest(apart, [apart], apart === 'fuzz' ? alone : processes),
        ...(apart === 'faults' && forJest.length === 0 ? [campaign(SHORT_CAMPAIGN)] : []),
      ]
    : [
        jest('unit, replay', ['unit', 'replay'], []),
        jest('integration, browser', ['integration', ...browserTests()], processes),
        pytest(),
      ];
for (const run of runs) {
  if (run !== null) results.push({ ...run, ...(await runProgram(run)) });
}
const code = sumUp(results);
const total = results
  .map((result) => result.count(result.code))
  .reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed }));
if (!isCampaign) console.error(`\n${total.passed} passed, ${total.failed} failed`);
rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
process.exitCode ??= code;

/** A browser is no part of set-up: without one its tests are left out, aloud; continuous integration must have one. */
function browserTests() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  if (process.env.CI || process.env.CHROMIUM_PATH || names.some((name) => executableOnPath(name) !== null))
    return ['browser'];
  console.error(
    'NOT RUN: the tests of the report in a browser. Install Chromium (apt-get install chromium) to run them.',
  );
  return [];
}

function jest(name, projects, more) {
  const file = join(scratch, `${projects[0]}.json`);
  const executable = join(installationRoot(), 'node_modules', 'jest', 'bin', 'jest.js');
  const args = [
    '--selectProjects',
    ...projects,
    '--passWithNoTests',
    '--json',
    `--outputFile=${file}`,
    ...more,
    ...forJest,
  ];
  const count = () => {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(file, 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites };
  };
  // jest prints its JSON to stdout as well unless it has a file; people read stderr
  return {
    name: `jest: ${name}`,
    command: process.execPath,
    args: [executable, ...args],
    env: { ...env, TMPDIR: scratch },
    count: orFailed(count),
  };
}

/** Counts as one test. It ends by itself soon after its time, and its own exit code says how. */
function campaign(options) {
  const main = join(installationRoot(), 'dist', 'bench', 'faults', 'main.js');
  const args = ['--enable-source-maps', main, ...options];
  return {
    name: 'the fault campaign',
    command: process.execPath,
    args,
    env,
    count: (code) => ({ passed: Number(code === 0), failed: Number(code !== 0) }),
  };
}

function pytest() {
  if (forJest.length > 0) return null;
  const file = join(scratch, 'pytest.xml');
  const count = () => {
    const suite = /<testsuite [^>]*>/.exec(readFileSync(file, 'utf8'))[0];
    const number = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)[1]);
    const failed = number('failures') + number('errors');
    return { passed: number('tests') - failed - number('skipped'), failed };
  };
  return {
    name: "pytest: the trainer's",
    command: environmentPython(),
    args: ['-m', 'pytest', '-q', '--numprocesses=2', '--dist=worksteal', `--junitxml=${file}`],
    cwd: trainerFolder(),
    env: { ...env, PYTHONPATH: trainerFolder(), PYTHONNOUSERSITE: '1' },
    count: orFailed(count),
  };
}

/** A program that died before it could write its counts counts as one failure. */
function orFailed(count) {
  return () => {
    try {
      return count();
    } catch {
      return { passed: 0, failed: 1 };
    }
  };
}
