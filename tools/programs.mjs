/** Runs the programs behind `npm test` and `npm run check`, and sums up. */
import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { installationRoot } from './locations.cjs';

/** Several at once. All but the first take what processor time is left, and print what they have to say when they end. */
export async function runTogether([first, ...others]) {
  const aside = others.map((program) => runAside(program));
  return [await runProgram(first), ...(await Promise.all(aside))];
}

async function runAside({ name, command, args, cwd = installationRoot(), env = process.env }) {
  const started = performance.now();
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => said.push(bytes));
  const code = await ended(child);
  const seconds = (performance.now() - started) / 1000;
  process.stderr.write(Buffer.concat([Buffer.from(`\n== ${name}\n`), ...said]));
  return { name, code, seconds };
}

function ended(child) {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(error.message);
      resolve(127);
    });
    child.once('close', (status) => resolve(status ?? 1));
  });
}

/** Runs one with the terminal's own streams. Returns `{name, code, seconds}`; a program that can not start has code 127. */
export async function runProgram({ name, command, args, cwd = installationRoot(), env = process.env }) {
  console.error(`\n== ${name}`);
  const started = performance.now();
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
  const code = await ended(child);
  return { name, code, seconds: (performance.now() - started) / 1000 };
}

/** One line for each program, and the exit code of all. */
export function sumUp(results) {
  console.error('');
  for (const { name, code, seconds } of results) {
    console.error(`${code === 0 ? 'ok    ' : 'FAILED'}  ${name} (${seconds.toFixed(1)} s)`);
  }
  return results.every(({ code }) => code === 0) ? 0 : 1;
}

/** Waits for Ctrl-C to end the program that runs, which gets it from the terminal itself, instead of dying before it. */
export function leaveInterruptsToChildren() {
  process.on('SIGINT', () => {
    process.exitCode = 130;
  });
}
