/**
 * `npm run bench -- gpu …`: the trainer's benchmark, the Python package in this folder, in the trainer's environment.
 * Where there is no Node, `PYTHONPATH=gpu-activities/trainer python -m bench.gpu` at the repository's root is the same.
 */
import { spawn } from 'node:child_process';
import { installationRoot } from '../../workers/places';
import { pythonPath, unslothPython } from '../../workers/toolchain';
import { trainerFolder } from '../../tools/locations.cjs';
import { pythonOptions } from '../../tools/start-python.cjs';

/** Resolves with the benchmark's exit code. Its table or JSON goes to stdout, its progress to stderr. */
export function runGpuBenchmark(args: string[]): Promise<number> {
  const child = spawn(pythonPath(), ['-m', 'bench.gpu', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    ...pythonOptions('trainer', { ...process.env, ...unsloth() }, [trainerFolder(), installationRoot()]),
    cwd: process.cwd(), // arguments name folders relative to where the person is
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
