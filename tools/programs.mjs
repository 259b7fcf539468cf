/** Runs the programs behind `npm test` and `npm run check` one after the other, and sums up. */
import { spawn } from 'node:child_process';
import { installationRoot } from './locations.cjs';

/** Runs one with the terminal's own streams. Returns `{name, code, seconds}`; a program that can not start has code 127. */
export async function runProgram({ name, command, args, cwd = installationRoot(), env = process.env }) {
  console.error(`\n== ${name}`);
  const started = performance.now();
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
  const code = await new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(error.message);
      resolve(127);
    });
    child.once('close', (status) => resolve(status ?? 1));
  });
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
