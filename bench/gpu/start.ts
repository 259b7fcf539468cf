/**
 * `npm run bench -- gpu …`: the trainer's benchmark (gpu-activities/trainer/flamingo_trainer/bench) in its environment.
 * Where there is no Node, `python -m flamingo_trainer.bench` is the same.
 */
import { spawn } from 'node:child_process';
import { pythonEnv, pythonPath, unslothPython } from '../artifacts/toolchain';

/** Resolves with the benchmark's exit code. Its table or JSON goes to stdout, its progress to stderr. */
export function runGpuBenchmark(args: string[]): Promise<number> {
  const child = spawn(pythonPath(), ['-m', 'flamingo_trainer.bench', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...pythonEnv(), ...unsloth() },
  });
  // Ctrl-C reaches the child as well; it ends its own children, and this waits for it
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => child.kill(name));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** Unsloth is a peer where it is installed; else the benchmark says that it is not. */
function unsloth(): NodeJS.ProcessEnv {
  try {
    return { FLAMINGO_UNSLOTH_PYTHON: unslothPython() };
  } catch {
    return {};
  }
}
